"""Admission: refuses before anything is spent on a request.

Counts requests in flight over all routes. What must not live here: waiting; limits of one upstream.
"""

from proxy.errors import Overloaded

__all__ = ["Admission"]


class Admission:
    """How many requests are in flight, and how many may be. `enter` and `leave` frame a request at the edge.

    It is not a link of the chain like the other stages, because a request is in flight until its last byte has gone
    to the caller, long after the chain has answered.
    """

    __slots__ = ("in_flight", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_flight = 0

    def enter(self) -> None:
        """Raises Overloaded."""
        if self.in_flight >= self.limit:
            raise Overloaded(f"{self.limit} requests are in flight already (limits.in_flight).", retry_after=1)
        self.in_flight += 1

    def leave(self) -> None:
        self.in_flight -= 1
