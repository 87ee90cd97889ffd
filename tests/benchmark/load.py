"""Load at many connections: wrk where it is installed, else the generator of ours.

What must not live here: whose CPU time is counted meanwhile.
"""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Load", "apply_load", "generator_name", "parse_own", "parse_wrk"]

_GENERATOR = Path(__file__).with_name("generator.py")
_UNIQUE = Path(__file__).with_name("unique.lua")
_REQUESTS = re.compile(r"(\d+) requests in ([\d.]+)(us|ms|s|m|h)\b")
_BAD_STATUS = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_SOCKET_ERRORS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What a generator saw. `failures` counts answers that were not successes, and connections that broke."""

    requests: int
    seconds: float
    failures: int


def generator_name() -> str:
    """Name the generator that is used on this machine."""
    return "wrk" if shutil.which("wrk") else "own generator"


def apply_load(port: int, path: str, connections: int, seconds: int) -> Load:
    """Load one address for whole seconds (wrk knows no others); the generator runs on the cores of this process."""
    wrk = shutil.which("wrk")
    if wrk:
        fields = ["-H", "User-Agent: benchmark/1.0", "-H", "Accept: application/json", "-H", "X-Debug: 1"]
        target = f"http://127.0.0.1:{port}{path}"
        # Every request its own target: identical ones could be answered together.
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(_UNIQUE), *fields, target]
        return parse_wrk(_output(command, seconds))
    command = [sys.executable, str(_GENERATOR), str(port), path, str(connections), str(seconds)]
    return parse_own(_output(command, seconds))


def parse_wrk(report: str) -> Load:
    """Read the counts from wrk's report."""
    counted = _REQUESTS.search(report)
    if counted is None:
        raise ValueError(f"wrk's report names no number of requests: {report[:200]!r}")
    bad, broken = _BAD_STATUS.search(report), _SOCKET_ERRORS.search(report)
    failures = int(bad[1]) if bad else 0
    if broken:
        failures += sum(map(int, broken.groups()))
    return Load(int(counted[1]), float(counted[2]) * _SECONDS[counted[3]], failures)


def parse_own(report: str) -> Load:
    """Read the counts that the generator of ours printed."""
    counts = json.loads(report)
    return Load(int(counts["requests"]), float(counts["seconds"]), int(counts["failures"]))


def _output(command: list[str], seconds: int) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 20).stdout
