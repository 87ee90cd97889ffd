"""Authenticate: takes the profile's current credential for each attempt; no credential, no request.

Stands outside the transport so that waiting for a credential holds no connection. What must not live here: how a
credential is obtained (`proxy.auth`) or written into a head (`proxy.policy.outgoing`).
"""

import asyncio
from typing import Protocol

from proxy.clock import NEVER, Clock
from proxy.errors import DeadlineExceeded
from proxy.message import Exchange, Injection, Response, Stage

__all__ = ["Authenticate", "CurrentCredential"]


class CurrentCredential(Protocol):
    """What the stage asks of a credential source."""

    def peek(self, now: float) -> Injection | None:
        """The credential, when it is at hand and good."""

    async def current(self) -> Injection:
        """The credential, waiting for it. Raises CredentialUnavailable."""


class Authenticate:
    """Puts the credential on the exchange, unless the caller asked for none."""

    __slots__ = ("_clock", "_next", "_source")

    def __init__(self, source: CurrentCredential, clock: Clock, inner: Stage) -> None:
        self._source = source
        self._clock = clock
        self._next = inner

    async def send(self, exchange: Exchange) -> Response:
        if exchange.wants_auth:
            injection = self._source.peek(self._clock())
            exchange.injection = injection if injection is not None else await self._wait(exchange.deadline)
        return await self._next.send(exchange)

    async def _wait(self, deadline: float) -> Injection:
        if deadline == NEVER:
            return await self._source.current()
        try:
            async with asyncio.timeout_at(deadline):
                return await self._source.current()
        except TimeoutError:
            raise DeadlineExceeded("The request's deadline passed while its credential was being fetched.") from None
