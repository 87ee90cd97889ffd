"""The Kubernetes files: valid by the strict schema, and agreeing with the image, the command line and each other."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.config.load import load_file

FOLDER = Path(__file__).resolve().parent.parent.parent / "deploy" / "kubernetes"
BY_NAME = {"containers", "initContainers", "volumes", "env"}


def read(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / name).read_text())


def merged(base: Any, patch: Any, key: str = "") -> Any:
    """A strategic merge, as far as these files need it: mappings by key, the lists above by name."""
    if isinstance(base, dict) and isinstance(patch, dict):
        return {**base, **{name: merged(base.get(name), value, name) for name, value in patch.items()}}
    if isinstance(base, list) and isinstance(patch, list) and key in BY_NAME:
        names = {item["name"] for item in patch}
        return [*(item for item in base if item["name"] not in names), *patch]
    return patch


def with_sidecar() -> dict[str, Any]:
    base, patch = read("example/deployment.yaml"), read("component/sidecar.yaml")
    del patch["metadata"]
    return merged(base, patch)


def sidecars() -> list[dict[str, Any]]:
    return [spec["spec"]["template"]["spec"]["initContainers"][0] for spec in (with_sidecar(), read("job.yaml"))]


def validate(*paths: Path) -> str:
    command = [str(Path(sys.executable).with_name("kubernetes-validate")), "--strict", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("name", ["job.yaml", "networkpolicy.yaml", "example/deployment.yaml"])
def test_a_file_is_valid_by_the_strict_schema(name: str) -> None:
    assert validate(FOLDER / name) == ""


def test_a_deployment_with_the_component_is_valid_by_the_strict_schema(tmp_path: Path) -> None:
    file = tmp_path / "merged.yaml"
    file.write_text(yaml.safe_dump(with_sidecar()))
    assert validate(file) == ""


def test_the_strict_schema_would_refuse_a_wrong_field(tmp_path: Path) -> None:
    wrong = with_sidecar()
    wrong["spec"]["template"]["spec"]["initContainers"][0]["restartpolicy"] = "Always"
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump(wrong))
    assert "restartpolicy" in validate(file)


def test_the_component_changes_what_carries_its_label_and_keeps_what_was_there() -> None:
    component = read("component/kustomization.yaml")
    assert component["patches"] == [
        {"path": "sidecar.yaml", "target": {"kind": "Deployment", "labelSelector": "outrider=sidecar"}}
    ]
    assert read("example/deployment.yaml")["metadata"]["labels"]["outrider"] == "sidecar"
    assert [one["name"] for one in with_sidecar()["spec"]["template"]["spec"]["containers"]] == ["orders"]


@pytest.mark.parametrize("sidecar", sidecars(), ids=["component", "job"])
def test_the_sidecar_is_native_and_may_do_nothing_that_it_needs_not(sidecar: dict[str, Any]) -> None:
    assert sidecar["restartPolicy"] == "Always"
    context = sidecar["securityContext"]
    assert context["runAsNonRoot"]
    assert context["readOnlyRootFilesystem"]
    assert not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("sidecar", sidecars(), ids=["component", "job"])
def test_the_command_line_knows_what_the_sidecar_is_started_with(sidecar: dict[str, Any], tmp_path: Path) -> None:
    words = [str(tmp_path / "absent.yaml") if word.startswith("/") else word for word in sidecar["args"]]
    command = [sys.executable, "-m", "proxy", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "cannot be read" in done.stderr) == (78, True), done.stderr


@pytest.mark.parametrize("sidecar", sidecars(), ids=["component", "job"])
def test_its_probes_run_what_the_image_has(sidecar: dict[str, Any]) -> None:
    entry = '["/outrider/bin/outrider"]'
    assert f"ENTRYPOINT {entry}" in (FOLDER.parent.parent / "Dockerfile").read_text()
    probes = [probe for name, probe in sidecar.items() if name.endswith("Probe")]
    assert {probe["exec"]["command"][0] for probe in probes} == {"/outrider/bin/outrider"}


@pytest.mark.parametrize("spec", [with_sidecar(), read("job.yaml")], ids=["component", "job"])
def test_every_volume_that_is_mounted_is_there(spec: dict[str, Any]) -> None:
    pod = spec["spec"]["template"]["spec"]
    mounted = {mount["name"] for container in pod["initContainers"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_the_examples_configuration_is_accepted_and_names_the_keys_of_its_secret() -> None:
    config = load_file(FOLDER / "example/outrider.yaml", {"POD_IP": "10.0.0.7"}).config
    assert "10.0.0.7" in config.access.hosts
    text = (FOLDER / "example/outrider.yaml").read_text()
    for line in (FOLDER / "example/secret.env").read_text().splitlines():
        assert f"{{credential: {line.partition('=')[0]}}}" in text


def test_the_monitor_finds_the_pods_and_the_port() -> None:
    monitor = read("podmonitor.yaml")["spec"]
    template = with_sidecar()["spec"]["template"]
    assert monitor["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    ports = [port["name"] for port in template["spec"]["initContainers"][0]["ports"]]
    assert [endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]] == ports
