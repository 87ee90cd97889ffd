"""`outrider status`: what a running daemon does, once or live.

The same as on the status page. What must not live here: how it looks (`proxy.cli.status_view`), which is imported only
when something is drawn, and rates (`proxy.cli.status_rates`).
"""

import argparse
import json
import os
import sys
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from proxy.cli.admin_client import Unreachable
from proxy.cli.command_admin import Door, Refused, address
from proxy.cli.command_admin import add_arguments as add_admin_arguments
from proxy.cli.duration import duration
from proxy.cli.status_rates import Rates

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["add_arguments", "run"]

_PATH = "/api/state"
_SHORTEST = 0.1
_MOST = 16 * 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_admin_arguments(parser)
    parser.add_argument(
        "--watch", action="store_true", help="go on until Ctrl-C, with rates and the progress of transfers"
    )
    parser.add_argument(
        "--every", type=duration, default=1.0, metavar="1s", help="how often --watch looks (default 1s)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the document that the daemon gives, one a line with --watch"
    )


def run(arguments: argparse.Namespace) -> int:
    url = address(arguments)
    if url is None:
        return 78
    door = Door(arguments, url)
    try:
        if arguments.json:
            return _print_documents(door, arguments)
        return _watch(door, arguments) if arguments.watch else _once(door)
    except KeyboardInterrupt:
        # The usual end of watching.
        return 0
    except Refused as refused:
        sys.stderr.write(f"outrider: {refused}\n")
        return refused.code


def _look(door: Door) -> dict[str, Any]:
    """Raises Refused, Unreachable."""
    status, text = door.ask(_PATH, most=_MOST)
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if status == 200 and isinstance(found, dict) and "upstreams" in found:
        return found
    detail = found.get("detail") if isinstance(found, dict) else None
    raise Refused(f"{door.url} answered {status} to {_PATH}{f': {detail}' if isinstance(detail, str) else ''}", 1)


def _look_once(door: Door) -> dict[str, Any]:
    """Raises Refused."""
    try:
        return _look(door)
    except Unreachable as error:
        raise Refused(f"no daemon at {door.url}: {error}", 1) from None


def _print_documents(door: Door, arguments: argparse.Namespace) -> int:
    while True:
        state = _look_once(door)
        sys.stdout.write(f"{json.dumps(state, indent=None if arguments.watch else 2, ensure_ascii=False)}\n")
        sys.stdout.flush()
        if not arguments.watch:
            return 0
        time.sleep(max(_SHORTEST, arguments.every))


def _once(door: Door) -> int:
    from proxy.cli.status_view import draw

    _console().print(draw(_look_once(door), None, door.url))
    return 0


def _watch(door: Door, arguments: argparse.Namespace) -> int:
    """On a terminal in place; else one picture after the other. A daemon that goes away is waited for."""
    from rich.live import Live
    from rich.text import Text

    from proxy.cli.status_view import draw, gone

    rates = Rates()
    state = _look_once(door)
    console = _console()
    live = Live(console=console, auto_refresh=False, screen=console.is_terminal) if console.is_terminal else None
    with live or nullcontext():
        while True:
            try:
                state = _look(door)
                rates.add(state)
                picture = draw(state, rates, door.url)
            except Unreachable as error:
                picture = gone(state, rates, door.url, str(error))
            if live is None:
                console.print(picture, Text("―" * 20), sep="\n")
            else:
                live.update(picture, refresh=True)
            time.sleep(max(_SHORTEST, arguments.every))


def _console() -> "Console":
    from rich.console import Console

    # Without a terminal nobody's width is known; what is cut off there is lost to who reads the file.
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 160
    return Console(width=width, highlight=False)
