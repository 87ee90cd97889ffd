"""Deadline: tells the upstream, on each attempt, how much of the request's time is left.

Stands just outside the transport, so that nothing waits between the telling and the sending. What must not live here:
keeping the deadline, which each stage that waits does for itself.
"""

from proxy.clock import NEVER, Clock
from proxy.errors import DeadlineExceeded
from proxy.message import Exchange, Response, Stage
from proxy.policy.deadline import time_left
from proxy.policy.fields import canonical

__all__ = ["Deadline"]


class Deadline:
    """Writes the field; a request without one goes on as it came. `clock` is monotonic, and finer than the loop's."""

    __slots__ = ("_clock", "_field", "_name", "_next")

    def __init__(self, field: str, clock: Clock, inner: Stage) -> None:
        self._field = field.encode()
        self._name = canonical(self._field)
        self._clock = clock
        self._next = inner

    async def send(self, exchange: Exchange) -> Response:
        if exchange.deadline != NEVER:
            left = exchange.deadline - self._clock()
            if left <= 0:
                raise DeadlineExceeded("The request's deadline passed before it could be sent.", processed=False)
            others = [field for field in exchange.fields if canonical(field[0]) != self._name]
            exchange.fields = [*others, (self._field, time_left(self._name, left))]
        return await self._next.send(exchange)
