"""Clock: how long the upstream takes to answer an attempt, for whoever wants to know.

Next to the transport, and only there where the time is told to somebody: two readings of a clock per attempt. What must
not live here: who is told.
"""

from proxy.clock import Clock
from proxy.message import Exchange, Response, Stage

__all__ = ["ClockStage"]


class ClockStage:
    """From the moment in which the attempt takes a connection, or opens one, to the head of the answer."""

    __slots__ = ("_clock", "_next")

    def __init__(self, clock: Clock, inner: Stage) -> None:
        self._clock = clock
        self._next = inner

    async def send(self, exchange: Exchange) -> Response:
        began = self._clock()
        response = await self._next.send(exchange)
        exchange.first_byte = self._clock() - began
        return response
