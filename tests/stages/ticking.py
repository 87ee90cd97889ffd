"""A loop's clock and timers that stand until the test moves them; everything else is the real loop's."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from tests.stages.next_stage import settle

__all__ = ["Ticking"]


class _Timer:
    def __init__(self, callback: Callable[..., object], args: tuple[object, ...]) -> None:
        self.callback = callback
        self.args = args
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Ticking:
    """As much of an event loop as a stage is handed. `late` is how many seconds each timer rings after its time."""

    def __init__(self, late: float = 0.0) -> None:
        self.now = 1000.0
        self.late = late
        self._numbers = count()
        self._timers: list[tuple[float, int, _Timer]] = []

    def time(self) -> float:
        return self.now

    def create_future(self) -> "asyncio.Future[None]":
        return asyncio.get_running_loop().create_future()

    def call_at(self, when: float, callback: Callable[..., object], *args: object) -> _Timer:
        timer = _Timer(callback, args)
        heapq.heappush(self._timers, (when + self.late, next(self._numbers), timer))
        return timer

    @property
    def pending(self) -> int:
        """Timers that are still to ring."""
        return sum(not timer.cancelled for _, _, timer in self._timers)

    async def advance(self, seconds: float) -> None:
        """Let time pass, with everything that happens meanwhile."""
        await settle()
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                self.now = max(self.now, when)
                timer.callback(*timer.args)
                await settle()
        self.now = end
        await settle()
