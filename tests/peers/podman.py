"""podman and podman-compose, on the storage in which an image was built, with nothing of this machine's own settings.

What must not live here: what is brought up.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["Podman", "podman_missing"]

_ENGINE = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
"""runc and cgroupfs also do where there is no systemd, or control groups of both versions."""

_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{storage}/root"
runroot = "{storage}/run"
"""


def podman_missing() -> str | None:
    """Why no container can be brought up here; None when it can."""
    programs = ("podman", "runc", "netavark", "aardvark-dns", "iptables")
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/lib/podman"])
    missing = [program for program in programs if shutil.which(program, path=path) is None]
    if missing:
        return f"{' and '.join(missing)} not installed"
    return None if os.geteuid() == 0 else "containers with a network of their own need root"


class Podman:
    """`storage` is where the images are, `folder` takes the settings."""

    def __init__(self, storage: Path, folder: Path) -> None:
        (folder / "containers.conf").write_text(_ENGINE)
        (folder / "storage.conf").write_text(_STORAGE.format(storage=storage))
        self._environ = {
            **os.environ,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        }

    def run(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return self._run(["podman", *arguments], timeout)

    def compose(self, file: Path, *arguments: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("podman-compose")), "-f", str(file), *arguments]
        return self._run(command, timeout)

    def clear(self) -> None:
        """No container, volume or network is left."""
        self.run("rm", "--all", "--force", "--time", "1")
        self.run("volume", "prune", "--force")
        self.run("network", "prune", "--force")

    def _run(self, command: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self._environ, capture_output=True, text=True, timeout=timeout, check=False)
