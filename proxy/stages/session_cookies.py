"""Session cookies: an answer that sets the session's own cookies tells the session, and not the caller.

Outside authenticate, whose replay's answer is the one that counts. What must not live here: which cookies they are, and
what becomes of them (`proxy.auth.login_source`).
"""

from typing import Protocol

from proxy.clock import Clock
from proxy.message import Exchange, Response, Stage
from proxy.message.exchange import Injection

__all__ = ["Jar", "SessionCookies"]


class Jar(Protocol):
    def answered(self, sent: Injection, lines: list[bytes], now: float) -> list[bytes]:
        """Of an answer's lines to a request with `sent`, those that are its caller's. `now` is wall time."""


class SessionCookies:
    """Keeps cookies in `jar`. `clock` is wall time."""

    __slots__ = ("_clock", "_jar", "_next")

    def __init__(self, jar: Jar, clock: Clock, inner: Stage) -> None:
        self._jar = jar
        self._clock = clock
        self._next = inner

    async def send(self, exchange: Exchange) -> Response:
        response = await self._next.send(exchange)
        if response.rewritable is not None and exchange.injection is not None:
            before = response.lines
            response.lines = self._jar.answered(exchange.injection, before, self._clock())
            if response.lines is not before:
                # They have been rewritten already, and stand elsewhere now.
                response.rewritable = None
        return response
