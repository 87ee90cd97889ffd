"""The units for systemd, judged by systemd's own tools."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
SERVICES = ("outrider.service", "outrider@one.service")
SOCKETS = ("outrider.socket", "outrider-admin.socket")
EXPOSURE = 1.5

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units as they would be installed; what they start stands in for an installed Outrider."""
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/outrider/bin/outrider", shutil.which("true") or "")
        (tmp_path / unit.name).write_text(text)
    shutil.copy(tmp_path / "outrider@.service", tmp_path / "outrider@one.service")
    return tmp_path


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False, env={"LC_ALL": "C"}
    )


@pytest.mark.parametrize("unit", [*SERVICES, *SOCKETS])
def test_systemd_finds_no_fault_with_a_unit(units: Path, unit: str) -> None:
    done = analyze("verify", str(units / unit))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_is_as_closed_as_it_can_be(units: Path, unit: str) -> None:
    done = analyze("security", "--offline=yes", str(units / unit))
    found = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSURE


def test_the_two_services_differ_in_names_alone() -> None:
    one, many = ((UNITS / name).read_text().splitlines() for name in ("outrider.service", "outrider@.service"))
    assert len(one) == len(many)
    assert all(a == b or "%i" in b or b.startswith("#") for a, b in zip(one, many, strict=True))
