"""`outrider drain`: has a running daemon let its requests end, and end itself."""

import argparse
import json
import sys
import time

from proxy.cli import command_admin
from proxy.cli.admin_client import Unreachable, ask
from proxy.cli.duration import duration

__all__ = ["add_arguments", "run"]

_PAUSE = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    command_admin.add_arguments(parser)
    parser.add_argument("--wait", action="store_true", help="return when the daemon has ended")
    parser.add_argument("--timeout", type=duration, default=60.0, metavar="60s", help="how long --wait waits")


def run(arguments: argparse.Namespace) -> int:
    answered = command_admin.command_admin(arguments, "/api/drain", {202})
    if isinstance(answered, int):
        return answered
    in_flight = json.loads(answered)["in_flight"]
    sys.stdout.write(f"draining; {in_flight} requests in flight\n")
    sys.stdout.flush()
    return _until_gone(arguments) if arguments.wait else 0


def _until_gone(arguments: argparse.Namespace) -> int:
    url = command_admin.address(arguments)
    assert url is not None
    end = time.monotonic() + arguments.timeout
    while time.monotonic() < end:
        try:
            ask(url, "/livez")
        except Unreachable:
            sys.stdout.write("ended\n")
            return 0
        time.sleep(_PAUSE)
    sys.stderr.write(f"outrider: the daemon at {url} has not ended in {arguments.timeout:g} s\n")
    return 1
