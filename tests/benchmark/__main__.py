"""`python -m tests.benchmark`: the benchmark's command line, run from a checkout.

Exit codes: 0 measured; 1 a contestant of ours failed, or with `--assert` a goal was missed; 2 wrong usage.
What must not live here: measuring, layout.
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.benchmark.contestants import CONTESTANTS, OUTRIDER_OFF, OUTRIDER_ON, USUAL
from tests.benchmark.measure import Plan, measure
from tests.benchmark.processes import choose_cores
from tests.benchmark.report import Report

QUICK = Plan(
    rounds=1,
    warm_seconds=0,
    load_seconds=1,
    latency_requests=300,
    latency_seconds=0.5,
    transfer_bytes=32 * 2**20,
    transfer_repeats=1,
    transfer_seconds=1.0,
)
"""Enough to see that everything works; too short for figures to rely on."""


def plan_of(options: argparse.Namespace) -> Plan:
    """Take the plan that the options ask for."""
    plan = QUICK if options.quick else Plan()
    if options.rounds is not None:
        plan = replace(plan, rounds=options.rounds)
    if options.large:
        plan = replace(plan, transfer_bytes=2 * 2**30, transfer_repeats=1, transfer_seconds=30.0)
    return plan


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description="Outrider beside other proxies.")
    names = [contestant.name for contestant in CONTESTANTS]
    parser.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    parser.add_argument("--large", action="store_true", help="transfer 2 GiB each way instead of 256 MiB")
    parser.add_argument("--rounds", type=int, choices=range(1, 21), metavar="N", help="rounds (3; 1 with --quick)")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"only these of: {', '.join(names)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--assert", dest="judge", action="store_true", help="exit 1 when a goal is missed")
    return parser.parse_args(arguments)


_stopped = threading.Event()


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    asked = [one for one in CONTESTANTS if options.only is None or one.name in options.only]
    load_before, *_ = os.getloadavg()
    plan, cores = plan_of(options), choose_cores()
    # The clients of this process, and the generator that it starts, belong to the load.
    os.sched_setaffinity(0, {cores.load})
    with tempfile.TemporaryDirectory(prefix="outrider-benchmark-") as folder:
        present = [contestant for contestant in asked if contestant.installed]
        measured = measure(present, plan, cores, Path(folder), _tell)
    _end_if_stopped()
    report = Report(asked, plan, cores, measured, load_before)
    if options.json:
        options.json.write_text(report.json())
    print(report.text())
    if options.judge:
        print("\n" + report.goals_text())
    failed_own = {OUTRIDER_OFF, OUTRIDER_ON, USUAL} & measured.failures.keys()
    return 1 if failed_own or (options.judge and report.goals_missed()) else 0


def _tell(line: str) -> None:
    _end_if_stopped()
    print(line, file=sys.stderr, flush=True)


def _end_if_stopped() -> None:
    """The interrupt is lost where it came while an object was being finalised, which swallows every exception."""
    if _stopped.is_set():
        raise KeyboardInterrupt


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    # Leaves through every `with`, so that nothing that was started stays behind; a second signal must not stop that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _stopped.set()
    raise KeyboardInterrupt


if __name__ == "__main__":
    if not sys.platform.startswith("linux"):
        sys.exit("The benchmark reads /proc and pins processes to cores: it runs on Linux only.")
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, _stop)
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
