"""podman and podman-compose in namespaces of their own: no network, mount or process of theirs is one of this machine.

All ends with the first process of those namespaces, so that nothing is left of a run, however it ended. Containers do
not run everywhere (a sandbox may forbid namespaces, overlays or bridges), which is asked by running one. What must not
live here: what is brought up.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["KNOWN", "Podman", "containers_impossible", "own_podman", "podman_missing"]

PROGRAMS = ("podman", "runc", "netavark", "aardvark-dns", "iptables", "unshare", "nsenter")

_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/lib/podman"])
KNOWN = "OUTRIDER_TEST_NO_CONTAINERS"
"""The variable of the environment that keeps the answer for all processes of a run."""

_ENGINE = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""
"""runc and cgroupfs also do where there is no systemd, or control groups of both versions."""

_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/root"
runroot = "{folder}/run"
[storage.options]
additionalimagestores = [{images}]
"""

_FIRST_PROCESS = "mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /dev/shm && echo ready && cat >/dev/null; :"
"""A shell that stays, because it buries what nobody waits for; until its input ends, as it does when the tests end."""

_LOOPBACK_UP = """\
import fcntl, socket, struct
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8914, struct.pack("16sh", b"lo", 1))
"""


def podman_missing() -> str | None:
    """Which of the programs is not installed; None when all are."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=_PATH) is None]
    return f"{', '.join(missing)} not installed" if missing else None


def containers_impossible() -> str | None:
    """Why this machine lets nobody run a container with a network; None when it does. Needs the programs.

    Asked once for all processes of a run, because they must agree on which tests there are.
    """
    if KNOWN not in os.environ:
        os.environ[KNOWN] = _tried() or ""
    return os.environ[KNOWN] or None


def _tried() -> str | None:
    if os.geteuid() != 0:
        return "not root"
    try:
        with tempfile.TemporaryDirectory() as folder, own_podman(Path(folder)) as podman:
            return podman.first_complaint()
    except (OSError, RuntimeError) as error:
        return str(error)


class Podman:
    """`folder` takes all that it writes; `inside` is a process in its namespaces."""

    def __init__(self, folder: Path, inside: int) -> None:
        self.folder = folder
        # The namespace of processes is that of its children.
        processes = f"--pid=/proc/{inside}/ns/pid_for_children"
        self._enter = ["nsenter", "--target", str(inside), "--mount", "--net", "--ipc", "--uts", processes]
        self._environ = {
            **os.environ,
            "PATH": _PATH,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            # There is no systemd in there to ask for health from time to time.
            "DISABLE_HC_SYSTEMD": "true",
        }

    def run(self, *arguments: str, limit: float = 60) -> subprocess.CompletedProcess[str]:
        with self.begin(["podman", *arguments], limit, stderr=subprocess.PIPE) as process:
            out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def well(self, *arguments: str) -> str:
        """What it printed; raises AssertionError when it fails."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def compose(self, file: Path, *arguments: str, limit: float) -> "subprocess.Popen[str]":
        command = [str(Path(sys.executable).with_name("podman-compose")), "-f", str(file), *arguments]
        return self.begin(command, limit, stderr=subprocess.STDOUT)

    def lines(self, container: str, limit: float) -> Iterator[str]:
        """What it writes to its standard output, as it comes, for so many seconds at most."""
        with self.begin(["podman", "logs", "--follow", container], limit) as following:
            assert following.stdout is not None
            yield from (line.rstrip("\n") for line in following.stdout)

    def begin(self, command: list[str], limit: float, stderr: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
        """It is killed after so many seconds, in there, where it is; from outside only what entered would be."""
        words = [*self._enter, "timeout", "--signal", "KILL", str(limit), *command]
        return subprocess.Popen(words, env=self._environ, stdout=subprocess.PIPE, stderr=stderr, text=True)

    def first_complaint(self) -> str | None:
        """What is said when a container cannot run, reach its bridge's names, or have a port of the machine."""
        root = self.folder / "small"
        (root / "usr").mkdir(parents=True)
        for name in ("bin", "lib", "lib64"):
            (root / name).symlink_to(f"usr/{name}")
        network = self.run("network", "create", "probe")
        if network.returncode != 0:
            return _last_line(network)
        options = ["--rm", "--network", "probe:alias=neighbour", "--publish", "127.0.0.1:9090:9090", "--no-hosts"]
        options += ["--read-only", "--cap-drop", "all", "--user", "10001", "--volume", "/usr:/usr:ro"]
        done = self.run("run", *options, "--rootfs", f"{root}:O", "getent", "hosts", "neighbour")
        return None if done.returncode == 0 else f"{_last_line(done)} ({done.returncode})"

    def clear(self) -> None:
        """No container, volume or network is left."""
        self.run("rm", "--all", "--force", "--time", "0")
        self.run("volume", "prune", "--force")
        self.run("network", "prune", "--force")


@contextmanager
def own_podman(folder: Path, images: Path | None = None) -> Iterator[Podman]:
    """`images` is a storage whose images it sees and cannot change. Raises RuntimeError where namespaces are denied."""
    (folder / "networks").mkdir()
    (folder / "containers.conf").write_text(_ENGINE.format(folder=folder))
    listed = f'"{images}"' if images else ""
    (folder / "storage.conf").write_text(_STORAGE.format(folder=folder, images=listed))
    with _apart() as process:
        podman = Podman(folder, process.pid)
        podman.begin([sys.executable, "-c", _LOOPBACK_UP], 20).communicate()
        try:
            yield podman
        finally:
            podman.clear()


@contextmanager
def _apart() -> Iterator["subprocess.Popen[str]"]:
    """A process in namespaces of its own."""
    words = ["unshare", "--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    words += ["sh", "-c", _FIRST_PROCESS]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if (said := process.stdout.readline().strip()) != "ready":
            raise RuntimeError(said or "no namespaces")
        try:
            yield process
        finally:
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()[-1]
