"""What the ways to log in share: whom they talk to, what can come of them, and which words of a server are shown.

What must not live here: any way to log in.
"""

import re
from typing import Protocol

from proxy.auth.token_answer import Granted, Refused
from proxy.auth.token_endpoint import Lost

__all__ = ["LoginFailed", "Screen", "granted", "shown"]


class LoginFailed(Exception):
    """There is no session. `detail` says why and what to do."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Screen(Protocol):
    """Where the person looks."""

    def visit(self, url: str, code: str, complete: str) -> None:
        """Tell them to go to `url` and, where there is a `code`, to type it there; `complete` has it in it already."""

    def waiting(self, seconds: float) -> None:
        """Nothing has happened yet; `seconds` are left."""


def granted(outcome: Granted | Refused | Lost) -> Granted:
    """Raises LoginFailed."""
    if isinstance(outcome, Granted):
        return outcome
    raise LoginFailed(outcome.detail)


def shown(text: str) -> str:
    """A server's words without what could play tricks with a terminal, and not too many of them."""
    return re.sub(r"[^\x20-\x7e]", "?", text)[:200]
