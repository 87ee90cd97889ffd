"""Who waits for the buckets of an upstream, and who may go next.

A request goes when all of its buckets have room, and takes from all of them or from none. Those who wait are let go as
their buckets fill, callers in turn; nobody overtakes. One timer wakes the line when the first of it is due. What must
not live here: how fast (`proxy.policy.bucket`, `proxy.policy.quota`), who is next (`proxy.policy.line`).
"""

import asyncio
import math
from collections.abc import Sequence

from proxy.clock import NEVER
from proxy.message import Exchange
from proxy.policy.bucket import SOON
from proxy.policy.limits import Terms, Throttle
from proxy.policy.line import Line

__all__ = ["Buckets", "Pace"]

Buckets = tuple[Throttle, ...]

_TICK = 0.001
"""Seconds: what an event loop's timers can tell apart."""


class _Waiter:
    """One request; in line until its place has come, or it has left."""

    __slots__ = ("buckets", "caller", "future", "in_line", "terms")

    def __init__(self, caller: str, buckets: Buckets, terms: Sequence[Terms], future: "asyncio.Future[None]") -> None:
        self.caller = caller
        self.buckets = buckets
        self.terms = terms
        self.future = future
        self.in_line = True


class Pace:
    """The line of one upstream. `everyones` are the buckets that every request takes from."""

    __slots__ = ("_due", "_line", "_loop", "_timer", "everyones")

    def __init__(self, everyones: Buckets, loop: asyncio.AbstractEventLoop) -> None:
        self.everyones = everyones
        self._loop = loop
        self._line: Line[Buckets, _Waiter] = Line()
        self._timer: asyncio.TimerHandle | None = None
        self._due = NEVER

    def __len__(self) -> int:
        """How many wait."""
        return len(self._line)

    def admit(self, buckets: Buckets) -> bool:
        """Whether a request may go now; if so, it has taken its place."""
        now = self._loop.time()
        if now >= self._due:
            self._serve(now)
        for bucket in buckets:
            if bucket.wait(now) > SOON:
                return False
        for bucket in buckets:
            bucket.take(now)
        return True

    async def wait(self, exchange: Exchange, buckets: Buckets, terms: Sequence[Terms]) -> float:
        """Wait in line; for how many seconds. `terms` are those of each bucket.

        Raises RateLimited, at once where it can be told.
        """
        began = self._loop.time()
        self._check(exchange, buckets, terms, began)
        waiter = _Waiter(exchange.caller, buckets, terms, self._loop.create_future())
        self._join(waiter, began)
        patience = min(began + max(one.max_wait for one in terms), exchange.deadline)
        giving_up = self._loop.call_at(patience, self._give_up, waiter)
        try:
            await waiter.future
        except asyncio.CancelledError:
            self._withdraw(waiter)
            raise
        finally:
            giving_up.cancel()
            waited = self._loop.time() - began
            exchange.queued += waited
        return waited

    def serve(self) -> None:
        """Let go whoever may: a bucket has changed by other means than time."""
        if self._line:
            self._serve(self._loop.time())

    def _check(self, exchange: Exchange, buckets: Buckets, terms: Sequence[Terms], now: float) -> None:
        before = self._line.before(exchange.caller)
        for bucket, one in zip(buckets, terms, strict=True):
            wait = bucket.wait(now, min(bucket.waiting, before))
            if wait > one.max_wait or now + wait > exchange.deadline:
                raise one.refusal(wait)

    def _join(self, waiter: _Waiter, now: float) -> None:
        self._line.put(waiter.caller, waiter.buckets, waiter)
        for bucket in waiter.buckets:
            bucket.waiting += 1
        self._arm(now + max(bucket.wait(now) for bucket in waiter.buckets), now)

    def _leave(self, waiter: _Waiter) -> None:
        if waiter.in_line:
            waiter.in_line = False
            self._line.remove(waiter.caller, waiter.buckets, waiter)
            for bucket in waiter.buckets:
                bucket.waiting -= 1

    def _withdraw(self, waiter: _Waiter) -> None:
        """Who leaves may have been given its place in the same moment; then the next one gets it."""
        future = waiter.future
        if future.cancelled():
            self._leave(waiter)
        elif future.exception() is None:
            for bucket in waiter.buckets:
                bucket.give_back()
            self.serve()

    def _give_up(self, waiter: _Waiter) -> None:
        """It was overtaken by callers whose turn came first, and has waited for as long as it may."""
        now = self._loop.time()
        self._serve(now)
        if not waiter.future.done():
            waits = [bucket.wait(now, bucket.waiting) for bucket in waiter.buckets]
            longest = max(range(len(waits)), key=waits.__getitem__)
            self._leave(waiter)
            waiter.future.set_exception(waiter.terms[longest].refusal(max(waits[longest], _TICK)))

    def _serve(self, now: float) -> None:
        def ready(buckets: Buckets) -> bool:
            return all(bucket.wait(now) <= SOON for bucket in buckets)

        while ready(self.everyones) and (waiter := self._line.take(ready)) is not None:
            waiter.in_line = False
            for bucket in waiter.buckets:
                bucket.waiting -= 1
            # One that was cancelled in this moment takes nothing; it has yet to hear of it.
            if not waiter.future.done():
                for bucket in waiter.buckets:
                    bucket.take(now, queued=True)
                waiter.future.set_result(None)
        self._disarm()
        if self._line:
            self._arm(now + self._next_wait(now), now)

    def _next_wait(self, now: float) -> float:
        """Seconds until somebody in line may go."""
        shared = max((bucket.wait(now) for bucket in self.everyones), default=0.0)
        if shared > SOON:
            return shared
        return min(max(bucket.wait(now) for bucket in buckets) for buckets in set(self._line.kinds()))

    def _arm(self, due: float, now: float) -> None:
        if due < self._due:
            self._disarm()
            self._due = due
            # To the next tick, since a timer that rings too early would ring again and again until it is time.
            ticks = max(1, math.ceil((due - now - SOON) / _TICK))
            self._timer = self._loop.call_at(now + ticks * _TICK, self._ring)

    def _disarm(self) -> None:
        self._due = NEVER
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._serve(self._loop.time())
