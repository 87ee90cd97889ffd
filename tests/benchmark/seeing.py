"""`python -m tests.benchmark.seeing`: what the request log and the metrics cost a request.

The log is switched on and off twenty times a second in one running Outrider (`switched`), so that both halves of a pair
meet the same neighbours; what the pairs differ by is its cost, the writing thread's included. Metrics can't be off, so
they are timed alone. What must not live here: other proxies.
"""

import argparse
import json
import os
import sys
import tempfile
import timeit
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

from proxy.observe.tally import UpstreamTally
from tests.benchmark.load import apply_load
from tests.benchmark.measure import CONNECTIONS, SMALL
from tests.benchmark.processes import Cores, choose_cores, running
from tests.benchmark.settings_files import outrider_seen
from tests.benchmark.switched import Pair
from tests.benchmark.upstream import upstreams
from tests.benchmark.waiting import wait_for_answer
from tests.ports import free_port

__all__ = ["cost_us", "metrics_us", "pairs"]

_CHECKOUT = Path(__file__).resolve().parents[2]
_WARM_SECONDS = 2


def pairs(seconds: int, cores: Cores, folder: Path) -> list[Pair]:
    """Load an Outrider for so long; CPU µs per request with its log off and on, pair by pair."""
    port, measured = free_port(), folder / "measured.json"
    with upstreams(folder, cores.load) as shared:
        settings = folder / "outrider.yaml"
        settings.write_text(outrider_seen(port, shared.answers))
        command = [sys.executable, "-m", "tests.benchmark.switched", str(settings), str(measured)]
        with running(command, cores.proxy, folder / "log", {"PYTHONPATH": str(_CHECKOUT)}) as program:
            wait_for_answer(program, port, SMALL)
            load = apply_load(port, SMALL, CONNECTIONS, _WARM_SECONDS + seconds)
    if load.failures:
        raise RuntimeError(f"{load.failures} of {load.requests} requests failed")
    return [Pair(*pair) for pair in json.loads(measured.read_text())]


def cost_us(measured: Sequence[Pair]) -> float:
    """CPU µs that the log costs a request on a calm machine: the part that it adds in the middle of the pairs, of what
    a request takes in the calmest tenth. Neighbours slow both halves of a pair down alike, so the part is steadier than
    the difference.
    """
    calm = quantiles([pair.off for pair in measured], n=10)[0]
    return (median(pair.on / pair.off for pair in measured) - 1) * calm


def metrics_us() -> float:
    """CPU µs to count a request, timed alone."""
    tally = UpstreamTally()

    def count() -> None:
        tally.begin()
        tally.attempt("answered")
        tally.end("GET", 200, 0.012, 0, 700, b"id")

    number = 1000
    return min(timeit.repeat(count, number=number, repeat=100)) / number * 1e6


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark.seeing", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, choices=range(1, 301), default=20, metavar="N", help="of load (20)")
    options = parser.parse_args(arguments)
    cores = choose_cores()
    os.sched_setaffinity(0, {cores.load})
    with tempfile.TemporaryDirectory(prefix="outrider-benchmark-") as folder:
        measured = pairs(options.seconds, cores, Path(folder))
    log, metrics = cost_us(measured), metrics_us()
    print(f"request log, every request, JSON: {log:.1f} µs a request ({len(measured)} pairs)")
    print(f"metrics, timed alone: {metrics:.1f} µs a request")
    print(f"both: {log + metrics:.1f} µs a request (load {os.getloadavg()[0]:.1f})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
