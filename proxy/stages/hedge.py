"""Hedge: when a safe request has no answer after a while, asks once more; the first good answer wins.

Stands inside retry, so that each attempt may have its hedge, and outside everything that a call needs for itself: the
second call has its own credential, permit and connection. What must not live here: when a hedge is due
(`proxy.policy.latency`), whether it may be afforded (the budget of retries).
"""

import asyncio
from typing import Protocol

from proxy.errors import OutriderError
from proxy.message import Exchange, Response, Stage
from proxy.policy.latency import Latency
from proxy.policy.retry import SAFE

__all__ = ["Budget", "Hedge", "InFlight"]

_LOOK_AGAIN = 0.01


class Budget(Protocol):
    """How many second calls the upstream may be sent; shared with the retries."""

    def take(self, requests: int) -> bool: ...
    def give_back(self) -> None: ...


class InFlight(Protocol):
    """Who knows how many requests of the upstream are in flight."""

    in_flight: int


class Hedge:
    """`after` is in seconds; None for what `latency` finds to be usual, and until it knows, nothing is hedged.

    A hedge is one call more, sent at most once, never for a caller that wants no retries. `exchange.hedged` tells that
    it was sent, whichever answer won, since `attempts` counts it as well.
    """

    __slots__ = ("_after", "_latency", "budget", "inner", "loop", "requests")

    def __init__(
        self,
        after: float | None,
        latency: Latency,
        budget: Budget,
        requests: InFlight,
        loop: asyncio.AbstractEventLoop,
        inner: Stage,
    ) -> None:
        self._after = after
        self._latency = latency
        self.budget = budget
        self.requests = requests
        self.loop = loop
        self.inner = inner

    async def send(self, exchange: Exchange) -> Response:
        if exchange.method not in SAFE or exchange.content is not None or exchange.upgrade is not None:
            return await self.inner.send(exchange)
        began, queued = self.loop.time(), exchange.queued
        after = self._latency.value if self._after is None else self._after
        if after is None or not exchange.wants_retry:
            response = await self.inner.send(exchange)
        else:
            response = await _Race(self, exchange, after).run()
        if _is_good(response):
            # Where the hedge won, the first call would have taken longer still; this is the least that is known of it.
            self._latency.add(self.loop.time() - began - (exchange.queued - queued))
        return response


def _is_good(response: Response) -> bool:
    return response.status < 500 and response.status != 429


class _Race:
    """One request, and its hedge when that comes to be. Costs a timer, and a task only once it is due.

    The first call runs in the caller's own task, which is cancelled when the hedge wins; as in `asyncio.timeout`, the
    count of cancellations tells that one from a caller's leaving.
    """

    __slots__ = (
        "_after", "_attempts", "_exchange", "_first", "_first_pending", "_hedge", "_stage", "_timer", "_twin", "_won",
    )  # fmt: skip

    def __init__(self, stage: Hedge, exchange: Exchange, after: float) -> None:
        self._stage = stage
        self._exchange = exchange
        self._after = after
        self._attempts = exchange.attempts
        self._first: asyncio.Task[object] | None = None
        self._first_pending = True
        self._hedge: asyncio.Task[None] | None = None
        self._twin: Exchange | None = None
        self._won: Response | None = None
        self._timer = stage.loop.call_later(after, self._begin)

    async def run(self) -> Response:
        first = self._first = asyncio.current_task()
        assert first is not None
        cancelling = first.cancelling()
        try:
            response = await self._stage.inner.send(self._exchange)
        except asyncio.CancelledError:
            if self._won is None:
                raise
            if first.uncancel() > cancelling:
                self._give_up()
                raise
        except OutriderError:
            if not await self._rescued():
                raise
        else:
            if _is_good(response) or not await self._better_than(response):
                return response
        finally:
            self._end()
        return self._take()

    def _begin(self) -> None:
        """The first call is late."""
        if self._exchange.attempts == self._attempts:
            # Not on the wire yet: it waits in a line of ours, which a second one would only make longer.
            self._timer = self._stage.loop.call_later(max(self._after, _LOOK_AGAIN), self._begin)
        elif self._stage.budget.take(self._stage.requests.in_flight):
            self._exchange.hedged = True
            self._twin = self._exchange.twin()
            self._hedge = self._stage.loop.create_task(self._ask_again(self._twin))
            # A task that is cancelled before it begins runs no line of its own.
            self._hedge.add_done_callback(self._give_back)

    async def _ask_again(self, twin: Exchange) -> None:
        try:
            response = await self._stage.inner.send(twin)
        except OutriderError:
            return
        if not _is_good(response):
            response.close()
            return
        self._won = response
        if self._first_pending and self._first is not None:
            self._first.cancel()

    def _give_back(self, _: object) -> None:
        self._stage.budget.give_back()

    async def _rescued(self) -> bool:
        """Whether the hedge brings a good answer after the first call brought none."""
        self._first_pending = False
        self._timer.cancel()
        if self._hedge is not None and not self._hedge.done():
            try:
                await asyncio.wait((self._hedge,))
            except asyncio.CancelledError:
                self._give_up()
                raise
        return self._won is not None

    async def _better_than(self, response: Response) -> bool:
        try:
            rescued = await self._rescued()
        except asyncio.CancelledError:
            response.close()
            raise
        if rescued:
            response.close()
        return rescued

    def _give_up(self) -> None:
        if self._won is not None:
            self._won.close()

    def _end(self) -> None:
        """Whoever has not answered yet is too late."""
        self._timer.cancel()
        if self._hedge is not None:
            self._hedge.cancel()
        if self._twin is not None:
            self._exchange.attempts += self._twin.attempts

    def _take(self) -> Response:
        won, twin, exchange = self._won, self._twin, self._exchange
        assert won is not None
        assert twin is not None
        exchange.queued += twin.queued
        exchange.auth_wait += twin.auth_wait
        exchange.first_byte = twin.first_byte
        exchange.injection = twin.injection
        return won
