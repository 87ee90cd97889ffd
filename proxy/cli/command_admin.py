"""Telling a running daemon to do something, over its admin listener.

What must not live here: what is told, and what is made of the answer; where the token is (`proxy.cli.admin_token`).
"""

import argparse
import os
import sys
from collections.abc import Collection

from proxy.cli.address import add_address_arguments, address
from proxy.cli.admin_client import MOST, TIMEOUT, Unreachable, ask
from proxy.cli.admin_token import HOW_TO_GIVE, TOKEN_VARIABLE, AdminToken, NoToken, given_token

__all__ = ["Door", "Refused", "add_arguments", "address", "command_admin"]

_PATIENCE = 60.0
"""Seconds: a reload waits for credentials that are new."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_address_arguments(parser)
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help=f"holds the admin token, where one is set; else ${TOKEN_VARIABLE}, the file's admin.token",
    )


class Refused(Exception):
    """What stands in the way, in one line for a user, and the exit code for it."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Door:
    """The admin listener at `url`, asked with the token that was given, or, where it wants one, that of its file."""

    def __init__(self, arguments: argparse.Namespace, url: str) -> None:
        self._arguments = arguments
        self._token: AdminToken | None = None
        self._tried = False
        self.url = url

    def ask(self, path: str, method: str = "GET", patience: float = TIMEOUT, most: int = MOST) -> tuple[int, str]:
        """Status and text. Raises Unreachable, Refused."""
        try:
            self._token = self._token or given_token(self._arguments, os.environ)
            status, text = self._ask(path, method, patience, most)
            if status == 401 and self._token is None and not self._tried:
                # Only here: most daemons of a machine have no token, and answer sooner than this is imported.
                from proxy.cli.configured_token import configured_token

                self._tried = True
                self._token = configured_token(self._arguments, os.environ)
                if self._token is not None:
                    status, text = self._ask(path, method, patience, most)
        except NoToken as error:
            raise Refused(str(error), 2) from None
        except ValueError as error:
            raise Refused(f"{self.url}: {error}", 2) from None
        if status == 401:
            raise Refused(self._not_accepted(), 1)
        return status, text

    def _ask(self, path: str, method: str, patience: float, most: int) -> tuple[int, str]:
        return ask(self.url, path, method, self._token.value if self._token else "", patience, most=most)

    def _not_accepted(self) -> str:
        if self._token is None:
            return f"{self.url} wants its admin token: {HOW_TO_GIVE}, or its file with -c"
        return f"{self.url} does not accept the token from {self._token.place}"


def command_admin(
    arguments: argparse.Namespace, path: str, expected: Collection[int], method: str = "POST"
) -> str | int:
    """The answer of an `expected` status, or an exit code after a line to the user."""
    url = address(arguments)
    if url is None:
        return 78
    try:
        status, text = Door(arguments, url).ask(path, method, _PATIENCE)
    except Unreachable as error:
        return _refused(f"no daemon at {url}: {error}", 1)
    except Refused as refused:
        return _refused(str(refused), refused.code)
    if status in expected:
        return text
    return _refused(f"{url} answered {status} to {path}", 1)


def _refused(message: str, code: int) -> int:
    sys.stderr.write(f"outrider: {message}\n")
    return code
