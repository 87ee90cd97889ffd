"""How many further attempts an upstream bears at once: a share of its requests in flight, and a few at any time.

Without it, retries multiply the calls of an upstream that already fails under its load. What must not live here:
what is tried again (`proxy.policy.retry`), waiting.
"""

from proxy.clock import NEVER, Clock

__all__ = ["CLOSED_AT_MOST", "RetryBudget"]

CLOSED_AT_MOST = 10.0
"""Seconds that an exhausted budget stays closed while some of what it granted is still under way."""


class RetryBudget:
    """Permits for further attempts of one upstream's requests: retries and hedges.

    A permit is held from the decision to try again, its wait included, until the request has its answer; who holds one
    asks again (`extend`) before each attempt after that. Once a permit was refused, no other is granted until all that
    were granted are back: a storm that is over the budget must not feed on the room that its own end makes.
    """

    __slots__ = ("_clock", "_closed_until", "_least", "_ratio", "in_flight")

    def __init__(self, ratio: float, least: int, clock: Clock) -> None:
        self._ratio = ratio
        self._least = least
        self._clock = clock
        self._closed_until = -NEVER
        self.in_flight = 0

    def take(self, requests: int) -> bool:
        """Whether another attempt may begin while `requests` of the upstream are in flight; pair with `give_back`."""
        if not self._has_room(requests, self.in_flight + 1):
            return False
        self.in_flight += 1
        return True

    def extend(self, requests: int) -> bool:
        """Whether who holds a permit may use it once more."""
        return self._has_room(requests, self.in_flight)

    def give_back(self) -> None:
        self.in_flight -= 1
        if not self.in_flight:
            self._closed_until = -NEVER

    def _has_room(self, requests: int, wanted: int) -> bool:
        if self._closed_until != -NEVER and self._clock() < self._closed_until:
            return False
        if wanted <= max(self._least, self._ratio * requests):
            return True
        if self.in_flight:
            self._closed_until = self._clock() + CLOSED_AT_MOST
        return False
