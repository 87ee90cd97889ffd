"""The compose example: valid, whole, and its three services run from their own lines."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.config.load import load_file
from tests.peers.image import Image
from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def test_it_is_valid_by_the_compose_specification() -> None:
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("profile", "more"), [([], set()), (["--profile", "monitoring"], {"prometheus", "grafana"})])
def test_a_compose_implementation_reads_it(profile: list[str], more: set[str]) -> None:
    command = [tool("podman-compose"), "-f", str(FILE), *profile, "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == {"upstream", "outrider", "app"} | more


def test_everything_that_it_mounts_is_there() -> None:
    mounts = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]
    secrets = [secret["file"] for secret in yaml.safe_load(FILE.read_text())["secrets"].values()]
    assert [path for path in [*mounts, *secrets] if path.startswith("./") and not (ROOT / path).exists()] == []


def test_its_configuration_is_accepted() -> None:
    assert load_file(ROOT / "deploy/compose/outrider.yaml", {}).config.upstreams["api"].auth == "machine"


@pytest.mark.parametrize("name", ["upstream", "outrider", "app"])
def test_its_containers_may_do_nothing_that_they_need_not(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_application_shares_the_network_of_outrider_and_has_no_secret() -> None:
    app = SERVICES["app"]
    assert app["network_mode"] == "service:outrider"
    assert "secrets" not in app


@pytest.mark.timeout(900)
def test_the_applications_calls_succeed_through_outrider(image: Image, tmp_path: Path) -> None:
    ports = {port: free_port() for port in (8080, 9901, 9000)}
    with ExitStack() as running:
        name = {service: running.enter_context(image.container()) for service in ("upstream", "outrider", "app")}
        running.enter_context(started(image, name["upstream"], "upstream", ports, tmp_path))
        until_open(ports[9000])
        running.enter_context(started(image, name["outrider"], "outrider", ports, tmp_path))
        until_open(ports[8080])
        health = image.run(name["outrider"], "outrider", "healthcheck", options=mounts("outrider", ports, tmp_path))
        assert health.returncode == 0, health.stderr
        app = SERVICES["app"]
        environment = ["--env", f"API_ADDRESS=localhost:{ports[8080]}", "--env", "CALLS=20"]
        done = image.run(name["app"], *app["entrypoint"], options=[*mounts("app", ports, tmp_path), *environment])
        assert done.stdout.splitlines() == ["200 hello"] * 20, done.stderr


@contextmanager
def started(image: Image, container: str, service: str, ports: dict[int, int], folder: Path) -> Iterator[None]:
    """The service by its own lines, but for the names and ports that all services share here."""
    lines = SERVICES[service]
    words = [*lines.get("entrypoint", ["outrider"]), *lines.get("command", ["run"])]
    words = [translated(word, ports) for word in words]
    command = image.command(container, words, *mounts(service, ports, folder))
    with (folder / f"{service}.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, process_group=0)
        try:
            yield
        finally:
            os.killpg(process.pid, 15)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait(20)


def mounts(service: str, ports: dict[int, int], folder: Path) -> list[str]:
    lines = SERVICES[service]
    options = []
    for mount in lines.get("volumes", []):
        source, target = mount.split(":")[:2]
        if source.startswith("./"):
            copy = folder / f"{service}-{Path(source).name}"
            copy.write_text(translated((ROOT / source).read_text(), ports))
            options += ["--volume", f"{copy}:{target}:ro"]
    if "secrets" in lines:
        options += ["--volume", f"{ROOT / 'deploy/compose/client_secret'}:/run/secrets/client_secret:ro"]
    return options


def translated(text: str, ports: dict[int, int]) -> str:
    text = text.replace("upstream:9000", "127.0.0.1:9000")
    return re.sub("|".join(map(str, ports)), lambda found: str(ports[int(found[0])]), text)


def until_open(port: int) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            assert time.monotonic() < end, f"nothing listens on {port}"
            time.sleep(0.05)
        else:
            return
