"""The Kubernetes files for a sidecar: valid by the strict schema, and agreeing with the image and the command line."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.config.load import load_file
from tests.deploy.objects import FOLDER, read, validate
from tests.peers.kustomize import kustomize_missing, kustomized

APPLICATION = {
    "terminationGracePeriodSeconds": 600,
    "securityContext": {"fsGroup": 2000},
    "initContainers": [{"name": "migrate", "image": "registry.example.com/migrate:1"}],
}
"""What somebody's Deployment may say beside the containers of its pods."""


def built(folder: Path = FOLDER / "example") -> list[dict[str, Any]]:
    if reason := kustomize_missing():
        pytest.skip(reason)
    return kustomized(folder)


def one(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


def pods() -> list[dict[str, Any]]:
    component, job = read("component/sidecar.yaml"), read("job.yaml")
    return [each["spec"]["template"]["spec"] for each in (component, job)]


EVERY_POD = pytest.mark.parametrize("pod", pods(), ids=["component", "job"])


def test_a_job_is_valid_by_the_strict_schema() -> None:
    assert validate(FOLDER / "job.yaml") == ""


def test_what_the_readmes_line_would_apply_is_valid_by_the_strict_schema(tmp_path: Path) -> None:
    objects = built()
    assert {each["kind"] for each in objects} == {"ConfigMap", "Secret", "Deployment", "NetworkPolicy"}
    file = tmp_path / "built.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    assert validate(file) == ""
    line = "kubectl apply --kustomize deploy/kubernetes/example\n"
    assert line in (FOLDER.parent.parent / "README.md").read_text()


def test_the_strict_schema_would_refuse_a_wrong_field(tmp_path: Path) -> None:
    wrong = read("job.yaml")
    wrong["spec"]["template"]["spec"]["initContainers"][0]["restartpolicy"] = "Always"
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump(wrong))
    assert "restartpolicy" in validate(file)


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Somebody's Deployment, in a copy of the example."""
    shutil.copytree(FOLDER, tmp_path / "kubernetes")
    return tmp_path / "kubernetes/example/deployment.yaml"


def test_the_component_changes_nothing_that_the_application_has(theirs: Path) -> None:
    """Its grace period, its volumes' group, its other init containers; Outrider is there before those."""
    before = yaml.safe_load(theirs.read_text())
    before["spec"]["template"]["spec"] |= APPLICATION
    theirs.write_text(yaml.safe_dump(before))
    pod = one(built(theirs.parent), "Deployment")["spec"]["template"]["spec"]
    assert [each["name"] for each in pod.pop("initContainers")] == ["outrider", "migrate"]
    assert {each["name"].partition("-")[0] for each in pod.pop("volumes")} == {"outrider"}
    assert pod == {name: each for name, each in before["spec"]["template"]["spec"].items() if name != "initContainers"}


def test_a_kustomization_says_where_the_image_is(theirs: Path) -> None:
    """As the README has it, by the name that stands in the component."""
    file = theirs.with_name("kustomization.yaml")
    place = {"name": "outrider", "newName": "registry.example.com/outrider", "newTag": "1"}
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"images": [place]}))
    (sidecar,) = one(built(theirs.parent), "Deployment")["spec"]["template"]["spec"]["initContainers"]
    assert sidecar["image"] == "registry.example.com/outrider:1"


def test_the_component_leaves_a_deployment_without_its_label_alone(theirs: Path) -> None:
    before = yaml.safe_load(theirs.read_text())
    del before["metadata"]["labels"]["outrider"]
    theirs.write_text(yaml.safe_dump(before))
    assert one(built(theirs.parent), "Deployment") == before


def test_another_configuration_makes_other_pods_and_another_secret_does_not() -> None:
    objects = built()
    volumes = one(objects, "Deployment")["spec"]["template"]["spec"]["volumes"]
    named = {volume["name"]: volume for volume in volumes}
    assert named["outrider-config"]["configMap"]["name"] == one(objects, "ConfigMap")["metadata"]["name"] != "outrider"
    monitored = read("podmonitor.yaml")["spec"]["podMetricsEndpoints"][0]["authorization"]["credentials"]
    sources = named["outrider-secrets"]["projected"]["sources"]
    secret = one(objects, "Secret")
    assert {secret["metadata"]["name"], sources[0]["secret"]["name"]} == {monitored["name"]}
    assert monitored["key"] in secret["data"]


@EVERY_POD
def test_the_sidecar_is_native_and_may_do_nothing_that_it_needs_not(pod: dict[str, Any]) -> None:
    (sidecar,) = pod["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    context = sidecar["securityContext"]
    assert context["runAsNonRoot"]
    assert context["runAsUser"] == 10001
    assert context["readOnlyRootFilesystem"]
    assert not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


@EVERY_POD
def test_the_command_line_knows_what_the_sidecar_is_started_with(pod: dict[str, Any], tmp_path: Path) -> None:
    words = pod["initContainers"][0]["args"]
    words = [str(tmp_path / "absent.yaml") if word.startswith("/") else word for word in words]
    command = [sys.executable, "-m", "proxy", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "cannot be read" in done.stderr) == (78, True), done.stderr


@EVERY_POD
def test_its_probes_run_what_the_image_and_the_command_line_have(pod: dict[str, Any], tmp_path: Path) -> None:
    entry = "/outrider/bin/outrider"
    assert f'ENTRYPOINT ["{entry}"]' in (FOLDER.parent.parent / "Dockerfile").read_text()
    probes = [probe["exec"]["command"] for name, probe in pod["initContainers"][0].items() if name.endswith("Probe")]
    file = tmp_path / "outrider.yaml"
    file.write_text("admin: {listen: 127.0.0.1:1}\nupstreams: {api: {url: http://127.0.0.1:9}}\n")
    for words in probes:
        assert words[0] == entry
        command = [sys.executable, "-m", "proxy", *words[1:-1], str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, "no daemon at 127.0.0.1:1" in done.stderr) == (1, True), done.stderr


@EVERY_POD
@pytest.mark.parametrize(("probe", "flag"), [("livenessProbe", "--live"), ("startupProbe", "--started")])
def test_what_starts_it_again_does_not_ask_whether_it_is_ready(pod: dict[str, Any], probe: str, flag: str) -> None:
    assert flag in pod["initContainers"][0][probe]["exec"]["command"]


@EVERY_POD
def test_every_volume_that_is_mounted_is_there(pod: dict[str, Any]) -> None:
    mounted = {mount["name"] for container in pod["initContainers"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


@EVERY_POD
def test_its_secrets_can_be_read_by_its_user_and_by_no_other_container(pod: dict[str, Any]) -> None:
    secrets = [volume["name"] for volume in pod["volumes"] if "projected" in volume]
    (projected,) = [volume["projected"] for volume in pod["volumes"] if "projected" in volume]
    assert projected["defaultMode"] == 0o444 or "fsGroup" in pod["securityContext"]
    for container in pod.get("containers", []):
        assert not {mount["name"] for mount in container.get("volumeMounts", [])} & set(secrets)


def test_the_examples_configuration_is_accepted_and_names_the_keys_of_its_secret() -> None:
    config = load_file(FOLDER / "example/outrider.yaml", {"POD_IP": "10.0.0.7"}).config
    assert "10.0.0.7" in config.access.hosts
    text = (FOLDER / "example/outrider.yaml").read_text()
    for line in (FOLDER / "example/secret.env").read_text().splitlines():
        assert f"{{credential: {line.partition('=')[0]}}}" in text


def test_sessions_are_kept_in_a_folder_that_is_outriders_own() -> None:
    """The folder of a volume belongs to root, and everybody may write into it."""
    config = load_file(FOLDER / "example/outrider.yaml", {"POD_IP": "10.0.0.7"}).config
    (sidecar,) = read("component/sidecar.yaml")["spec"]["template"]["spec"]["initContainers"]
    mounts = [mount["mountPath"] for mount in sidecar["volumeMounts"] if not mount.get("readOnly")]
    assert config.state is not None
    assert config.state.dir is not None
    assert str(Path(config.state.dir).parent) in mounts


def test_the_monitor_finds_the_pods_and_the_port() -> None:
    monitor = read("podmonitor.yaml")["spec"]
    (labels,) = monitor["selector"]["matchExpressions"]
    gateway = read("gateway/deployment.yaml")["spec"]["template"]
    component, job = (read(name)["spec"]["template"] for name in ("component/sidecar.yaml", "job.yaml"))
    for template, kind in ((component, "initContainers"), (job, "initContainers"), (gateway, "containers")):
        assert template["metadata"]["labels"][labels["key"]] in labels["values"]
        ports = [port["name"] for port in template["spec"][kind][0]["ports"]]
        assert {endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]} <= set(ports)
