"""Processes: started on one core, read through /proc, and always ended.

What must not live here: which programs are started, and what is asked of them.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cores", "Running", "choose_cores", "running", "stat_session", "stat_ticks", "status_mib"]

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core the proxy has for itself, and which one the load and the upstream share."""

    proxy: int
    load: int

    @property
    def apart(self) -> bool:
        return self.proxy != self.load


def choose_cores() -> Cores:
    """Take two of the cores this process may use; on a machine with one they are the same."""
    cores = sorted(os.sched_getaffinity(0))
    return Cores(proxy=cores[0], load=cores[-1])


def stat_session(stat: str) -> int:
    """Read the session of a process from its /proc/PID/stat."""
    return int(_after_name(stat)[3])


def stat_ticks(stat: str) -> int:
    """Read the clock ticks that a process and its ended children spent from its /proc/PID/stat."""
    return sum(map(int, _after_name(stat)[11:15]))


def status_mib(status: str, field: str) -> float:
    """Read a memory field (`VmRSS`, `VmHWM`) of a /proc/PID/status in MiB; 0 when it has none."""
    for line in status.splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _after_name(stat: str) -> list[str]:
    # The name stands in parentheses and may hold blanks and parentheses itself: only the last one ends it.
    return stat.rpartition(")")[2].split()


class Running:
    """A started program, with every process it started itself: they share the session that it leads."""

    __slots__ = ("_log", "_process")

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def cpu_seconds(self) -> float:
        """CPU time spent so far."""
        return sum(stat_ticks(stat) for _, stat in self._members()) / _TICK

    def memory_mib(self) -> float:
        """Resident memory now."""
        return self._memory("VmRSS")

    def peak_mib(self) -> float:
        """The most resident memory since the start, or since `forget_peak`."""
        return self._memory("VmHWM")

    def forget_peak(self) -> None:
        """Let the peak count from now on."""
        for folder, _ in self._members():
            # Some kernels do not offer it; then the peak counts from the start, which flatters nobody.
            with contextlib.suppress(OSError):
                (folder / "clear_refs").write_text("5")

    def last_words(self) -> str:
        """Give the last line that the program wrote, to say why it failed."""
        lines = self._log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "no output")

    def end(self) -> None:
        """End the program and everything it started."""
        for number, patience in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        # Both signals are sent even when the leader ended at the first: a child of its must not stay behind.

    def _memory(self, field: str) -> float:
        total = 0.0
        for folder, _ in self._members():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                total += status_mib((folder / "status").read_text(), field)
        return total

    def _members(self) -> Iterator[tuple[Path, str]]:
        for folder in Path("/proc").iterdir():
            if not folder.name.isdecimal():
                continue
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                stat = (folder / "stat").read_text()
                if stat_session(stat) == self._process.pid:
                    yield folder, stat


@contextlib.contextmanager
def running(
    command: Sequence[str], core: int, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Run `command` on one core for the time of the block; what it writes goes to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            # Only this one call runs between fork and exec, and this program has a single thread.
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
    program = Running(process, log)
    try:
        yield program
    finally:
        program.end()
