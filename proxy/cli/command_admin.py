"""Telling a running daemon to do something, over its admin listener.

What must not live here: what is told, and what is made of the answer; where the token is (`proxy.cli.admin_token`).
"""

import argparse
import os
import sys
from collections.abc import Collection

from proxy.cli.admin_client import Unreachable, ask
from proxy.cli.admin_token import HOW_TO_GIVE, TOKEN_VARIABLE, AdminToken, NoToken, given_token
from proxy.cli.healthcheck import add_address_arguments, address

__all__ = ["add_arguments", "address", "command_admin"]

_PATIENCE = 60.0
"""Seconds: a reload waits for credentials that are new."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_address_arguments(parser)
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help=f"holds the admin token, where one is set; else ${TOKEN_VARIABLE}, the file's admin.token",
    )


def command_admin(
    arguments: argparse.Namespace, path: str, expected: Collection[int], method: str = "POST"
) -> str | int:
    """The answer of an `expected` status, or an exit code after a line to the user."""
    url = address(arguments)
    if url is None:
        return 78
    try:
        token = given_token(arguments, os.environ)
        status, text = ask(url, path, method, token.value if token else "", _PATIENCE)
        if status == 401 and token is None:
            # Only here: most daemons of a machine have no token, and answer sooner than this is imported.
            from proxy.cli.configured_token import configured_token

            token = configured_token(arguments, os.environ)
            if token is not None:
                status, text = ask(url, path, method, token.value, _PATIENCE)
    except Unreachable as error:
        return _refused(f"no daemon at {url}: {error}", 1)
    except NoToken as error:
        return _refused(str(error), 2)
    except ValueError as error:
        return _refused(f"{url}: {error}", 2)
    if status in expected:
        return text
    return _refused(_not_accepted(url, token) if status == 401 else f"{url} answered {status} to {path}", 1)


def _not_accepted(url: str, token: AdminToken | None) -> str:
    if token is None:
        return f"{url} wants its admin token: {HOW_TO_GIVE}, or its file with -c"
    return f"{url} does not accept the token from {token.place}"


def _refused(message: str, code: int) -> int:
    sys.stderr.write(f"outrider: {message}\n")
    return code
