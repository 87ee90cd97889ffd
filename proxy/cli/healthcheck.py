"""`outrider healthcheck`: one question to a running daemon, one line, 0 or 1."""

import argparse
import sys

from proxy.cli.address import add_address_arguments, address
from proxy.cli.admin_client import Unreachable, ask

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_address_arguments(parser)
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--live", action="store_true", help="ask whether it turns at all, ready or not: for what starts it again if not"
    )
    instead.add_argument(
        "--started", action="store_true", help="ask whether it takes requests yet, be it without a credential"
    )


def run(arguments: argparse.Namespace) -> int:
    url = address(arguments)
    if url is None:
        return 78
    try:
        status, text = ask(url, _asked(arguments))
    except Unreachable as error:
        sys.stderr.write(f"outrider: no daemon at {url}: {error}\n")
        return 1
    except ValueError as error:
        sys.stderr.write(f"outrider: {url}: {error}\n")
        return 2
    line = text.splitlines()[0] if text else f"status {status}"
    sys.stdout.write(f"{line}\n")
    return 0 if status == 200 else 1


def _asked(arguments: argparse.Namespace) -> str:
    if arguments.live:
        return "/livez"
    return "/startupz" if arguments.started else "/readyz"
