"""Time: the clock that rules are given, and the one coarse timer that many deadlines share.

Rules never ask the system for the time; they take a `Clock` or a float from it. A timer of its own per request costs
more than the request's other bookkeeping together, so everything that has a deadline registers with a `CoarseTimer`,
which looks at all of them at each tick. What must not live here: any knowledge of what is being timed.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

__all__ = ["NEVER", "Clock", "CoarseTimer", "Watched", "monotonic", "wall"]

Clock = Callable[[], float]
"""Returns seconds; monotonic unless a docstring says wall time."""

monotonic: Clock = time.monotonic
wall: Clock = time.time

NEVER = float("inf")
"""An `expire_at` that does not come."""


class Watched(Protocol):
    """Something with a deadline on the loop's clock."""

    expire_at: float

    def expire(self, now: float) -> None:
        """Called once per tick while `expire_at` has passed; must move `expire_at` or leave the timer."""


class CoarseTimer:
    """Expires registered objects up to one interval late; costs one set insertion and one removal each.

    The timer sleeps while nothing is registered.
    """

    __slots__ = ("_handle", "_interval", "_loop", "_watched")

    def __init__(self, loop: asyncio.AbstractEventLoop, interval: float) -> None:
        self._loop = loop
        self._interval = interval
        self._watched: set[Watched] = set()
        self._handle: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._watched)

    def add(self, watched: Watched) -> None:
        self._watched.add(watched)
        if self._handle is None:
            self._handle = self._loop.call_later(self._interval, self._tick)

    def discard(self, watched: Watched) -> None:
        self._watched.discard(watched)

    def close(self) -> None:
        self._watched.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _tick(self) -> None:
        now = self._loop.time()
        self._handle = None
        try:
            for watched in [w for w in self._watched if w.expire_at <= now]:
                # An earlier one may have ended it, or moved its deadline.
                if watched in self._watched and watched.expire_at <= now:
                    watched.expire(now)
        finally:
            # One that fails must not end the deadlines of all the others.
            if self._watched and self._handle is None:
                self._handle = self._loop.call_later(self._interval, self._tick)
