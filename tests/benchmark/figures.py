"""What is measured: one value per figure, with how it is headed, rounded and put together from several rounds.

What must not live here: measuring, printing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median

__all__ = [
    "CPU",
    "DOWNLOAD",
    "FIGURES",
    "GROWTH",
    "IDLE",
    "LATENCY",
    "PEAK",
    "START",
    "THROUGHPUT",
    "UPLOAD",
    "Figure",
    "Summary",
    "combine",
]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity. `key` names it in JSON, `heading` and `unit` in the table."""

    key: str
    heading: str
    unit: str
    decimals: int
    together: Callable[[Iterable[float]], float] = median


CPU = Figure("cpu_us_per_request", "CPU", "µs/request", 1)
THROUGHPUT = Figure("requests_per_second", "throughput", "requests/s", 0)
LATENCY = Figure("added_latency_us", "added latency", "µs", 0)
DOWNLOAD = Figure("download_mib_per_second", "download", "MiB/s", 0)
UPLOAD = Figure("upload_mib_per_second", "upload", "MiB/s", 0)
START = Figure("start_seconds", "start", "s", 3)
IDLE = Figure("idle_mib", "idle", "MiB", 1)
# Memory is a promise about the worst case, so a good round must not hide a bad one.
PEAK = Figure("peak_mib", "peak", "MiB", 1, max)
GROWTH = Figure("growth_mib", "growth", "MiB", 1, max)

FIGURES = (CPU, THROUGHPUT, LATENCY, DOWNLOAD, UPLOAD, START, IDLE, PEAK, GROWTH)

Summary = Mapping[Figure, float]
"""A contestant's figures, put together from all rounds. A figure that could not be measured is not in it."""


def combine(samples: Iterable[tuple[Figure, float]]) -> dict[Figure, float]:
    """Put the samples of several rounds together, each figure in its own way."""
    values: dict[Figure, list[float]] = {}
    for figure, value in samples:
        values.setdefault(figure, []).append(value)
    return {figure: figure.together(values[figure]) for figure in FIGURES if figure in values}
