"""Measuring: one visit to one contestant, and the rounds in which everyone is visited in turn.

A round goes through all contestants (A B C A B C), so that a machine that is busy for a while is busy for everyone.
What must not live here: what the figures are compared with.
"""

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from tests.benchmark import figures
from tests.benchmark.client import download, latency_us, upload
from tests.benchmark.contestants import Contestant, Place
from tests.benchmark.figures import Figure
from tests.benchmark.load import Load, apply_load
from tests.benchmark.processes import Cores, Running, running
from tests.benchmark.upstream import Upstreams, upstreams
from tests.benchmark.waiting import DidNotStart, wait_for_answer
from tests.ports import free_port

__all__ = ["Measured", "Plan", "measure"]

SMALL = "/items/17?page=1&fields=name,price"
CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int = 3
    warm_seconds: int = 1
    load_seconds: int = 3
    latency_requests: int = 2000
    latency_seconds: float = 1.5
    transfer_bytes: int = 256 * 2**20
    transfer_repeats: int = 3
    transfer_seconds: float = 6.0


@dataclass(slots=True)
class Measured:
    """What came out: samples by contestant, why some failed, and what the same requests cost with no proxy between."""

    served_by: str = ""
    samples: dict[str, list[tuple[Figure, float]]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    direct: list[tuple[Figure, float]] = field(default_factory=list)


def measure(
    contestants: Sequence[Contestant], plan: Plan, cores: Cores, folder: Path, tell: Callable[[str], None]
) -> Measured:
    """Run all rounds from the load's core; a contestant that fails is left out of those that follow."""
    measured = Measured(samples={contestant.name: [] for contestant in contestants})
    with upstreams(folder, cores.load) as shared:
        measured.served_by = shared.served_by
        visits = [_Visit(contestant, plan, cores, folder, shared) for contestant in contestants]
        for visit in visits:
            tell(f"first start: {visit.contestant.title}")
            _collect(measured, visit, visit.first_start())
        for number in range(1, plan.rounds + 1):
            direct = _direct(plan, shared)
            measured.direct += direct
            for visit in visits:
                if visit.contestant.name not in measured.failures:
                    tell(f"round {number} of {plan.rounds}: {visit.contestant.title}")
                    _collect(measured, visit, chain(visit.requests(dict(direct)), visit.transfers()))
    return measured


def _collect(measured: Measured, visit: "_Visit", samples: Iterator[tuple[Figure, float]]) -> None:
    last = "nothing"
    try:
        for figure, value in samples:
            measured.samples[visit.contestant.name].append((figure, value))
            last = figure.heading
    except (DidNotStart, OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
        measured.failures[visit.contestant.name] = f"{type(error).__name__} after {last}: {error}"


def _direct(plan: Plan, shared: Upstreams) -> list[tuple[Figure, float]]:
    size, limit, port = plan.transfer_bytes, plan.transfer_seconds, shared.transfers
    return [
        (figures.LATENCY, latency_us(shared.answers, SMALL, plan.latency_requests, plan.latency_seconds)),
        (figures.DOWNLOAD, download(port, f"/large/{size}", limit).mib_per_second),
        (figures.UPLOAD, upload(port, "/sink", size, limit).mib_per_second),
    ]


@dataclass(frozen=True, slots=True)
class _Visit:
    """One contestant in one round. Each part starts it afresh, so that no part inherits memory from another."""

    contestant: Contestant
    plan: Plan
    cores: Cores
    folder: Path
    shared: Upstreams

    def first_start(self) -> Iterator[tuple[Figure, float]]:
        """Start it once to see that it works, and so that its files are compiled and read: it gives no figures."""
        with self._started(self.shared.answers):
            yield from ()

    def requests(self, direct: dict[Figure, float]) -> Iterator[tuple[Figure, float]]:
        """Measure small requests: start, memory, latency alone, CPU time under load."""
        path = self.contestant.prefix + SMALL
        with self._started(self.shared.answers) as (program, port, seconds):
            yield figures.START, seconds
            yield figures.IDLE, program.memory_mib()
            latency = latency_us(port, path, self.plan.latency_requests, self.plan.latency_seconds)
            yield figures.LATENCY, latency - direct[figures.LATENCY]
            if self.plan.warm_seconds:
                apply_load(port, path, CONNECTIONS, self.plan.warm_seconds)
            before = program.cpu_seconds()
            load = apply_load(port, path, CONNECTIONS, self.plan.load_seconds)
            spent = program.cpu_seconds() - before
            self._check(load)
            yield figures.CPU, spent / load.requests * 1e6
            yield figures.THROUGHPUT, load.requests / load.seconds
            yield figures.PEAK, program.peak_mib()

    def transfers(self) -> Iterator[tuple[Figure, float]]:
        """Measure large content: its speed down and up, and how much memory that takes."""
        size, limit, prefix = self.plan.transfer_bytes, self.plan.transfer_seconds, self.contestant.prefix
        with self._started(self.shared.transfers) as (program, port, seconds):
            yield figures.START, seconds
            # What small requests need for themselves is no growth by the transfers.
            latency_us(port, prefix + SMALL, 200, limit=1.0)
            before = program.memory_mib()
            program.forget_peak()
            for _ in range(self.plan.transfer_repeats):
                yield figures.DOWNLOAD, download(port, f"{prefix}/large/{size}", limit).mib_per_second
                yield figures.UPLOAD, upload(port, f"{prefix}/sink", size, limit).mib_per_second
            yield figures.GROWTH, program.peak_mib() - before
            yield figures.PEAK, program.peak_mib()

    @contextlib.contextmanager
    def _started(self, upstream: int) -> Iterator[tuple[Running, int, float]]:
        place = Place(self.folder / self.contestant.name, free_port(), upstream)
        place.folder.mkdir(exist_ok=True)
        launch = self.contestant.launch(place)
        start = time.monotonic()
        with running(launch.command, self.cores.proxy, place.folder / "log", launch.environment) as program:
            wait_for_answer(program, place.port, self.contestant.prefix + SMALL)
            yield program, place.port, time.monotonic() - start

    def _check(self, load: Load) -> None:
        if load.failures > load.requests / 1000 or not load.requests:
            raise ValueError(f"{load.failures} of {load.requests} requests under load failed")
