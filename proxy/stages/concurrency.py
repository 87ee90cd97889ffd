"""Concurrency: at most so many calls at once; further ones wait in a bounded line, fair between callers.

Stands inside the breaker, which fails before anything queues, and inside the credential: nobody holds a permit while
one is being fetched. A permit is held until the response's content has ended. What must not live here: how a limit is
found (`proxy.policy.concurrency`), who is next (`proxy.policy.line`).
"""

import asyncio

from proxy.clock import Clock
from proxy.errors import DeadlineExceeded, Overloaded, UpstreamConnectFailed, UpstreamDisconnected, UpstreamTimeout
from proxy.message import Exchange, Response, Stage
from proxy.message.ending import when_ended
from proxy.policy.blame import is_upstreams_delay
from proxy.policy.concurrency import AdaptiveLimit, Permits
from proxy.policy.line import Line

__all__ = ["Adapting", "Concurrency", "Gate"]

_RETRY_AFTER = 1.0
_DROPS = frozenset((429, 503))


def _any(_: None) -> bool:
    return True


class Gate:
    """Permits, and the line of those who wait for one. `queue` is its length, `max_wait` in seconds."""

    __slots__ = ("_line", "_loop", "_max_wait", "_queue", "permits")

    def __init__(self, permits: Permits, queue: int, max_wait: float, loop: asyncio.AbstractEventLoop) -> None:
        self.permits = permits
        self._queue = queue
        self._max_wait = max_wait
        self._loop = loop
        self._line: Line[None, asyncio.Future[None]] = Line()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._line)

    async def wait(self, exchange: Exchange) -> None:
        """Wait in line for a permit. Raises Overloaded, DeadlineExceeded."""
        began = self._loop.time()
        until = began + self._max_wait
        if not self._max_wait or len(self._line) >= self._queue:
            raise self._refusal("and as many wait as may.")
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._line.put(exchange.caller, None, waiter)
        try:
            async with asyncio.timeout_at(min(until, exchange.deadline)):
                await waiter
        except TimeoutError:
            self._leave(exchange.caller, waiter)
            if exchange.deadline <= until:
                raise DeadlineExceeded(
                    "The deadline passed while the request waited for others to end.",
                    processed=False,
                    stage="concurrency",
                ) from None
            raise self._refusal(f"and none ended within {self._max_wait:g} s.") from None
        except asyncio.CancelledError:
            self._leave(exchange.caller, waiter)
            raise
        finally:
            exchange.queued += self._loop.time() - began

    def release(self) -> None:
        """Give a permit back."""
        self.permits.in_use -= 1
        if self._line:
            self.let_in()

    def let_in(self) -> None:
        """Give the permits that are free to those who wait."""
        permits = self.permits
        while permits.in_use < permits.limit and (waiter := self._line.take(_any)) is not None:
            if not waiter.done():
                permits.in_use += 1
                waiter.set_result(None)

    def _leave(self, caller: str, waiter: "asyncio.Future[None]") -> None:
        """Who leaves the line may have been given a permit in the same moment; the next one gets it."""
        if waiter.done() and not waiter.cancelled():
            self.release()
        else:
            self._line.remove(caller, None, waiter)

    def _refusal(self, why: str) -> Overloaded:
        return Overloaded(
            f"{self.permits.limit} calls to the upstream are under way already (concurrency), {why}",
            retry_after=_RETRY_AFTER,
            stage="concurrency",
        )


class Concurrency:
    """Holds a permit of `gate` for each call."""

    __slots__ = ("_gate", "_next", "_permits", "_release")

    def __init__(self, gate: Gate, inner: Stage) -> None:
        self._gate = gate
        self._permits = gate.permits
        self._release = gate.release
        self._next = inner

    async def send(self, exchange: Exchange) -> Response:
        permits = self._permits
        if permits.in_use < permits.limit:
            permits.in_use += 1
        else:
            await self._gate.wait(exchange)
        try:
            response = await self._next.send(exchange)
        except BaseException:
            self._release()
            raise
        when_ended(response, self._release)
        return response


class Adapting:
    """Stands right inside `Concurrency`, and moves its limit by what becomes of the calls.

    `total` is the route's own limit in seconds, 0 for none.
    """

    __slots__ = ("_clock", "_gate", "_limit", "_next", "_total")

    def __init__(self, limit: AdaptiveLimit, gate: Gate, clock: Clock, total: float, inner: Stage) -> None:
        self._limit = limit
        self._gate = gate
        self._clock = clock
        self._total = total
        self._next = inner

    async def send(self, exchange: Exchange) -> Response:
        began, attempts = self._clock(), exchange.attempts
        try:
            response = await self._next.send(exchange)
        except (UpstreamTimeout, UpstreamDisconnected, UpstreamConnectFailed):
            self._limit.dropped(began, self._clock())
            raise
        except DeadlineExceeded:
            if is_upstreams_delay(exchange, attempts, self._total):
                self._limit.dropped(began, self._clock())
            raise
        if response.status in _DROPS:
            self._limit.dropped(began, self._clock())
        else:
            self._limit.answered()
            if self._gate:
                self._gate.let_in()
        return response
