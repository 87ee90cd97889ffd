"""Admission: refuses before anything is spent on a request.

Counts requests in flight over all routes. What must not live here: waiting; limits of one upstream.
"""

import asyncio

from proxy.errors import Overloaded

__all__ = ["Admission"]


class Admission:
    """How many requests are in flight, and how many may be. `enter` and `leave` frame a request at the edge.

    It is not a link of the chain like the other stages, because a request is in flight until its last byte has gone
    to the caller, long after the chain has answered.
    """

    __slots__ = ("_idle", "in_flight", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_flight = 0
        self._idle: asyncio.Future[None] | None = None

    def enter(self) -> None:
        """Raises Overloaded."""
        if self.in_flight >= self.limit:
            raise Overloaded(f"{self.limit} requests are in flight already (limits.in_flight).", retry_after=1)
        self.in_flight += 1

    def leave(self) -> None:
        self.in_flight -= 1
        if self._idle is not None and not self.in_flight and not self._idle.done():
            self._idle.set_result(None)

    async def idle(self) -> None:
        """Wait until nothing is in flight."""
        while self.in_flight:
            self._idle = asyncio.get_running_loop().create_future()
            await self._idle
