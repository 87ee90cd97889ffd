"""`outrider wait`: asks a daemon until it is ready, or the time is over."""

import argparse
import sys
import time

from proxy.cli.address import add_address_arguments, address
from proxy.cli.admin_client import Unreachable, ask
from proxy.cli.duration import duration

__all__ = ["add_arguments", "run"]

_PAUSE = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_address_arguments(parser)
    parser.add_argument("--timeout", type=duration, default=30.0, metavar="30s", help="how long to wait (default 30s)")


def run(arguments: argparse.Namespace) -> int:
    url = address(arguments)
    if url is None:
        return 78
    end = time.monotonic() + arguments.timeout
    while True:
        try:
            status, reason = ask(url, "/readyz")
            if status == 200:
                sys.stdout.write("ready\n")
                return 0
        except Unreachable as error:
            reason = str(error)
        except ValueError as error:
            sys.stderr.write(f"outrider: {url}: {error}\n")
            return 2
        left = end - time.monotonic()
        if left <= 0:
            why = reason.splitlines()[0] if reason else f"status {status}"
            sys.stderr.write(f"outrider: {url} was not ready in {arguments.timeout:g} s: {why}\n")
            return 1
        time.sleep(min(_PAUSE, left))
