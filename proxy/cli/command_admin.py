"""Telling a running daemon to do something, over its admin listener.

What must not live here: what is told, and what is made of the answer.
"""

import argparse
import os
import sys
from collections.abc import Collection
from pathlib import Path

from proxy.cli.admin_client import Unreachable, ask
from proxy.cli.healthcheck import add_address_arguments, address

__all__ = ["TOKEN_VARIABLE", "add_arguments", "address", "command_admin"]

TOKEN_VARIABLE = "OUTRIDER_ADMIN_TOKEN"

_PATIENCE = 60.0
"""Seconds: a reload waits for credentials that are new."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_address_arguments(parser)
    parser.add_argument(
        "--token-file", metavar="FILE", help=f"holds the admin token, where one is set; else ${TOKEN_VARIABLE}"
    )


def command_admin(arguments: argparse.Namespace, path: str, expected: Collection[int]) -> str | int:
    """POST to `path`: the answer of an `expected` status, or an exit code after a line to the user."""
    url = address(arguments)
    if url is None:
        return 78
    try:
        status, text = ask(url, path, "POST", _token(arguments.token_file), _PATIENCE)
    except Unreachable as error:
        sys.stderr.write(f"outrider: no daemon at {url}: {error}\n")
        return 1
    except (ValueError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        sys.stderr.write(f"outrider: {arguments.token_file if isinstance(error, OSError) else url}: {why}\n")
        return 2
    if status in expected:
        return text
    if status == 401:
        sys.stderr.write(f"outrider: {url} wants its admin token: set ${TOKEN_VARIABLE} or name a --token-file\n")
    else:
        sys.stderr.write(f"outrider: {url} answered {status} to {path}\n")
    return 1


def _token(file: str | None) -> str:
    return Path(file).read_text().rstrip("\r\n") if file else os.environ.get(TOKEN_VARIABLE, "")
