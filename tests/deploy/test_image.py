"""The image, really built and really run, without a capability and as nobody."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.image import BASE, Image

ROOT = Path(__file__).resolve().parent.parent.parent
MEGABYTE = 10**6

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def container(image: Image) -> Iterator[str]:
    with image.container() as name:
        yield name


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    hadolint = shutil.which("hadolint") or str(Path(sys.executable).with_name("hadolint"))
    done = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.returncode) == ("", 0)


def test_it_adds_less_than_120_megabytes_to_its_base(image: Image) -> None:
    assert 0 < image.size(image.name) - image.size(BASE) < 120 * MEGABYTE


def test_another_clone_builds_the_very_same_layers(image: Image, tmp_path: Path) -> None:
    first = image.layers()
    image.build("--no-cache", folder=another_clone(tmp_path / "clone"))
    assert image.layers() == first


def another_clone(folder: Path) -> Path:
    """What the build takes, made at another time and by somebody whose files are writable by the group."""
    taken = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in ("Dockerfile", ".dockerignore", *taken):
        for file in (ROOT / name).rglob("*") if (ROOT / name).is_dir() else [ROOT / name]:
            if file.is_file() and "__pycache__" not in file.parts:
                copy = folder / file.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes())
                copy.chmod(0o664)
    return folder


def test_it_runs_as_nobody_and_can_write_nowhere_but_its_state(image: Image, container: str) -> None:
    assert image.run(container, "id", "-u").stdout == "10001\n"
    assert image.run(container, "touch", "/written").returncode == 1
    assert image.run(container, "touch", "/outrider/written").returncode == 1
    assert image.run(container, "touch", "/var/lib/outrider/written").returncode == 0


def test_it_has_neither_pip_nor_a_compiler(image: Image, container: str) -> None:
    assert image.run(container, "python3", "-c", "import pip").returncode == 1
    found = image.run(container, "sh", "-c", "command -v pip pip3 gcc cc make; true")
    assert found.stdout == ""


def test_the_demo_runs_in_it(image: Image, container: str) -> None:
    done = image.run(container, "outrider", "demo")
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_health_check_asks_outrider(image: Image) -> None:
    facts = json.loads(image.buildah("inspect", "--type", "image", image.name))["Docker"]["config"]
    assert facts["Healthcheck"]["Test"] == ["CMD", "/outrider/bin/outrider", "healthcheck"]
    assert facts["Entrypoint"] == ["/outrider/bin/outrider"]
    assert facts["StopSignal"] == "SIGTERM"
