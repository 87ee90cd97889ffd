"""Calls of Outrider's own, kept from harming whom they ask: a circuit and a pace for each origin.

A session already waits longer after each failure; this is for the endpoint that many profiles share, and for the
mistake that would ask it without end. What must not live here: making a call (`proxy.upstream.fetch`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiolimiter import AsyncLimiter

from proxy.clock import Clock
from proxy.config.breaker_model import BreakerPolicy
from proxy.errors import CircuitOpen, Overloaded, UpstreamError
from proxy.message.call import Call, Fetch, Reply
from proxy.policy.breaker import REFUSED, Breaker

__all__ = ["CALLS_A_SECOND", "RULES", "GuardedFetch"]

RULES = BreakerPolicy(min_calls=5)
"""Fewer calls than an API's tell that a token endpoint is ill: there are fewer of them."""

CALLS_A_SECOND = 100
"""Also how many may come at once."""


class GuardedFetch:
    """A `Fetch` of `proxy.message.call` around another one. `clock` is monotonic."""

    __slots__ = ("_clock", "_fetch", "_guards")

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._guards: dict[str, tuple[Breaker, AsyncLimiter]] = {}

    def around(self, fetch: Fetch) -> "GuardedFetch":
        """One around another `Fetch`, under the same guards: they are the endpoint's, however it is reached."""
        other = GuardedFetch(fetch, self._clock)
        other._guards = self._guards
        return other

    async def __call__(self, call: Call, ready: Callable[[], Awaitable[None]] | None = None) -> Reply:
        """As the inner one; raises CircuitOpen too."""
        breaker, limiter = self._guard(call.url)
        ticket = breaker.admit(self._clock())
        if ticket == REFUSED:
            raise CircuitOpen(
                "Too many calls to it failed, so it is being left alone for a while.",
                retry_after=breaker.retry_after(self._clock()),
                processed=False,
            )
        try:
            await _permitted(limiter, call.timeout)
            reply = await self._fetch(call, ready)
        except UpstreamError:
            breaker.fail(ticket, self._clock())
            raise
        except BaseException:
            # Refused inside, or cancelled: says nothing of the endpoint.
            breaker.exclude(ticket)
            raise
        breaker.answered(ticket, reply.status, self._clock())
        return reply

    def _guard(self, url: str) -> tuple[Breaker, AsyncLimiter]:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        guard = self._guards.get(origin)
        if guard is None:
            guard = self._guards[origin] = Breaker(RULES), AsyncLimiter(CALLS_A_SECOND, 1)
        return guard


async def _permitted(limiter: AsyncLimiter, limit: float) -> None:
    try:
        async with asyncio.timeout(limit):
            await limiter.acquire()
    except TimeoutError:
        raise Overloaded(f"More than {CALLS_A_SECOND} calls a second were waiting for it.", processed=False) from None
