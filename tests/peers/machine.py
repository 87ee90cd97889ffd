"""A small Debian with systemd that really boots (systemd-nspawn), with this Outrider installed as its README says.

It has a network of its own with nothing but loopback. The bare system is made once and kept in the cache folder.
"""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Machine", "booted_machine", "machine_missing"]

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("mmdebstrap", "systemd-nspawn", "nsenter")
SUITE = "bookworm"
START = '#!/bin/sh\nPYTHONPATH=/opt/outrider/site exec /usr/bin/python3 -m proxy "$@"\n'


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
    with tarfile.open(_bare_system()) as archive:
        archive.extractall(root, filter="fully_trusted")
    _install(root)
    command = ["systemd-nspawn", "-D", str(root), "--register=no", "--keep-unit", "--private-network"]
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


def _bare_system() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "outrider-tests"
    made = cache / f"{SUITE}-systemd.tar"
    if not made.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = cache / f"{os.getpid()}.tar"
        command = ["mmdebstrap", "--quiet", "--variant=apt", "--include=systemd,dbus,python3", SUITE, str(part)]
        subprocess.run(command, check=True, timeout=600)
        part.rename(made)
    return made


def _install(root: Path) -> None:
    """Into /opt/outrider, for the machine's own Python."""
    (python,) = (path.name.removeprefix("python") for path in root.glob("usr/bin/python3.[0-9]*"))
    home = root / "opt" / "outrider"
    installer = [sys.executable, "-m", "pip"] if importlib.util.find_spec("pip") else ["uv", "pip"]
    target = ["--target", str(home / "site"), "--python-version", python, "--only-binary", ":all:"]
    subprocess.run(
        [*installer, "install", "-q", *target, "-r", str(ROOT / "requirements.txt")], check=True, timeout=300
    )
    shutil.copytree(ROOT / "proxy", home / "site" / "proxy", ignore=shutil.ignore_patterns("__pycache__"))
    start = home / "bin" / "outrider"
    start.parent.mkdir()
    start.write_text(START)
    start.chmod(0o755)
    for unit in (ROOT / "deploy" / "systemd").iterdir():
        shutil.copy(unit, root / "etc" / "systemd" / "system")
