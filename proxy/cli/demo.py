"""`outrider demo`: everything on loopback, told and shown.

What must not live here: the demonstration itself (`proxy.demo`), which is imported only when it runs.
"""

import argparse

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep", action="store_true", help="leave everything up until Ctrl-C, with lines to try")


def run(args: argparse.Namespace) -> int:
    """0 when every expectation held, else 1."""
    import asyncio

    from rich.console import Console

    from proxy.daemon import loop_factory
    from proxy.demo import run_demo
    from proxy.observe import configure

    # The faults that it provokes are in its tables; only what should not happen goes to the log.
    log = configure("error", "text")
    log.addFilter(lambda record: getattr(record, "event", "") != "session.expired")
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        held = runner.run(run_demo(Console(), keep=args.keep))
    return 0 if held else 1
