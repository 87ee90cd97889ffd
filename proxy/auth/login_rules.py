"""What the ways to log in share: whom they talk to and where, what can come of them, and which words are shown.

What must not live here: any way to log in.
"""

import re
from collections.abc import Callable
from typing import Protocol

from proxy.auth.discovery import Endpoints, NotDiscovered
from proxy.auth.token_answer import Granted, Refused
from proxy.auth.token_endpoint import Lost, TokenEndpoint

__all__ = ["LoginFailed", "Screen", "begin_at", "granted", "shown"]


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


async def begin_at(endpoint: TokenEndpoint, chosen: Callable[[Endpoints], str | None], name: str, instead: str) -> str:
    """The server's endpoint `name`, where the login begins. Raises LoginFailed, which tells of the grant `instead`."""
    try:
        url = chosen(await endpoint.discovery.endpoints())
    except NotDiscovered as unknown:
        raise LoginFailed(unknown.detail) from None
    if url is None:
        raise LoginFailed(f"the issuer has no {name} endpoint; use the grant {instead}")
    return url


def granted(outcome: Granted | Refused | Lost) -> Granted:
    """Raises LoginFailed."""
    if isinstance(outcome, Granted):
        return outcome
    raise LoginFailed(outcome.detail)


def shown(text: str) -> str:
    """A server's words without what could play tricks with a terminal, and not too many of them."""
    return re.sub(r"[^\x20-\x7e]", "?", text)[:200]
