"""The compose example, really brought up: containers, their network, their secrets and volumes."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.peers.image import Image
from tests.peers.podman import Podman, podman_missing

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 90.0

pytestmark = pytest.mark.timeout(900)


def as_shipped(folder: Path) -> Path:
    """The compose file with whole paths, without builds (the image is there) and without ports of this machine."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    for service in document["services"].values():
        service.pop("build", None)
        service.pop("ports", None)
        service["volumes"] = [_whole(mount) for mount in service.get("volumes", [])]
    for secret in document["secrets"].values():
        secret["file"] = _whole(secret["file"])
    file = folder / "docker-compose.yml"
    file.write_text(yaml.safe_dump(document))
    return file


def _whole(path: str) -> str:
    return f"{ROOT}{path[1:]}" if path.startswith("./") else path


@pytest.fixture(scope="module")
def podman(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    why = podman_missing()
    if why is not None:
        pytest.skip(why)
    podman = Podman(image.storage, tmp_path_factory.mktemp("podman"))
    try:
        yield podman
    finally:
        podman.clear()


def test_it_comes_up_serves_the_application_and_goes_down_in_good_order(podman: Podman, tmp_path: Path) -> None:
    file = as_shipped(tmp_path)
    up = podman.compose(file, "up", "--detach", "--no-build")
    assert up.returncode == 0, up.stdout + up.stderr
    said = until_said(podman, "outrider-example_app_1", "200 hello", 3)
    assert set(said) <= {"200 hello", "not up yet"}, said
    health = podman.run("exec", "outrider-example_outrider_1", "outrider", "healthcheck")
    assert health.stdout == "ready\n", health.stderr
    stopped = podman.run("stop", "--time", "40", "outrider-example_outrider_1")
    assert stopped.returncode == 0, stopped.stderr
    state = podman.run("inspect", "--format", "{{.State.ExitCode}}", "outrider-example_outrider_1")
    assert state.stdout == "0\n"


def until_said(podman: Podman, container: str, wanted: str, count: int) -> list[str]:
    """The lines on the container's standard output, once `wanted` is there so many times."""
    end = time.monotonic() + PATIENCE
    while True:
        lines = podman.run("logs", container).stdout.splitlines()
        if lines.count(wanted) >= count:
            return lines
        assert time.monotonic() < end, f"{lines} {podman.run('ps', '--all').stdout}"
        time.sleep(0.5)
