"""A small Debian with systemd that really boots (systemd-nspawn), with this Outrider installed as its README says.

It has a network of its own with nothing but loopback.
"""

import contextlib
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers.debian import bare_debian, ways_to_packages

__all__ = ["Machine", "booted_machine", "machine_missing", "readme_lines"]

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("mmdebstrap", "systemd-nspawn", "nsenter", "setpriv")
SUITE = "bookworm"
PACKAGES = ("systemd", "dbus", "python3", "python3-venv", "ca-certificates")


def machine_missing() -> str | None:
    """Why no machine can be booted here; None when one can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"{', '.join(missing)} not installed"
    return None if os.geteuid() == 0 else "systemd-nspawn wants root"


class Machine:
    """`root` is its file system, seen from outside."""

    def __init__(self, root: Path, leader: int) -> None:
        self.root = root
        self._enter = ["nsenter", "-t", str(leader), "-m", "-u", "-i", "-n", "-p"]

    def run(self, *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """A command inside, as root."""
        return subprocess.run([*self._enter, *words], capture_output=True, text=True, timeout=timeout, check=False)

    def begin(self, *words: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([*self._enter, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def property_of(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def journal(self, unit: str) -> str:
        return self.run("journalctl", "-u", unit, "--no-pager", "-o", "cat").stdout

    def until(self, holds: Callable[[], bool], limit: float = 40) -> bool:
        end = time.monotonic() + limit
        while not holds():
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True


@contextmanager
def booted_machine(folder: Path) -> Iterator[Machine]:
    root = folder / "root"
    root.mkdir()
    with tarfile.open(bare_debian("apt", PACKAGES, SUITE)) as archive:
        archive.extractall(root, filter="fully_trusted")
    _install(root)
    # With the tests it ends, too, however they end.
    command = ["setpriv", "--pdeathsig", "TERM", "systemd-nspawn", "-D", str(root)]
    command += ["--register=no", "--keep-unit", "--private-network"]
    with (folder / "console").open("wb") as console:
        nspawn = subprocess.Popen(
            [*command, "--boot", "--console=read-only"], stdin=subprocess.DEVNULL, stdout=console, stderr=console
        )
    try:
        yield _wait_for(nspawn, root, folder / "console")
    finally:
        # Asked to power off; the second time it is no longer asked.
        nspawn.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            nspawn.wait(20)
        if nspawn.poll() is None:
            nspawn.kill()
            nspawn.wait(20)


def _wait_for(nspawn: "subprocess.Popen[bytes]", root: Path, console: Path) -> Machine:
    children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children")
    end = time.monotonic() + 60
    while time.monotonic() < end and nspawn.poll() is None:
        for leader in children.read_text().split():
            machine = Machine(root, int(leader))
            if machine.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"):
                return machine
        time.sleep(0.2)
    raise RuntimeError("the machine did not boot: " + console.read_text(errors="replace")[-2000:])


def _install(root: Path) -> None:
    """By the first line of the README's way for systemd, in a copy of the project; the rest is for what is booted."""
    source = root / "src"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("proxy", "deploy"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    binds = [f"--bind-ro={outside}:{inside}" for outside, inside in ways_to_packages(root.parent).items()]
    command = [
        "systemd-nspawn",
        "-q",
        "-D",
        str(root),
        "--register=no",
        "--keep-unit",
        "--pipe",
        *binds,
        "--chdir=/src",
    ]
    done = subprocess.run(
        [*command, "sh", "-c", readme_lines()[0]], capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode != 0:
        raise RuntimeError(f"{readme_lines()[0]}: {done.stdout}{done.stderr}")


def readme_lines(block: int = 0) -> list[str]:
    """What the README has somebody type who wants the service; in the second block, its sockets too."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("\n### As a service of systemd\n")[1]
    return text.split("\n### ")[0].split("```sh\n")[1 + block].split("```")[0].strip().splitlines()
