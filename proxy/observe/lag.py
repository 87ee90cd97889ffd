"""How late the event loop is: a timer that notes by how much it was overslept.

What must not live here: what is done about a late loop.
"""

import asyncio
from bisect import bisect_left

__all__ = ["LAG_BOUNDS", "LoopLag"]

LAG_BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Upper bounds of the buckets in seconds; one more bucket takes what is above."""


class LoopLag:
    """Samples the lag once per interval. Counts from `start` to `stop`; the numbers stay after that."""

    __slots__ = ("_due", "_handle", "_interval", "_loop", "buckets", "seconds")

    def __init__(self, loop: asyncio.AbstractEventLoop, interval: float = 0.5) -> None:
        self._loop = loop
        self._interval = interval
        self._due = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self.buckets = [0] * (len(LAG_BOUNDS) + 1)
        self.seconds = 0.0

    def start(self) -> None:
        self._due = self._loop.time() + self._interval
        self._handle = self._loop.call_at(self._due, self._tick)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _tick(self) -> None:
        # A loop may run a timer a little early, within its clock's resolution.
        self.note(max(0.0, self._loop.time() - self._due))
        self.start()

    def note(self, seconds: float) -> None:
        self.buckets[bisect_left(LAG_BOUNDS, seconds)] += 1
        self.seconds += seconds
