"""When a token is renewed, and how long to leave a failing source alone. Pure rules on a given clock.

What must not live here: what a token is, and which state a session is in (`proxy.policy.session`).
"""

from proxy.clock import NEVER

__all__ = ["LONGEST_PAUSE", "Cooling", "early_by", "renewal_time"]

LONGEST_PAUSE = 3600.0
"""Seconds; a `Retry-After` that asks for more is read as this."""

_SHORT_LIFETIME = 100.0


def early_by(lifetime: float) -> float:
    """Seconds before the end of `lifetime` at which renewal begins."""
    if lifetime < _SHORT_LIFETIME:
        return 0.2 * lifetime
    return min(max(0.1 * lifetime, 10.0), 300.0)


def renewal_time(now: float, lifetime: float, spread: float) -> float:
    """When to renew. `spread` in [0, 1) moves it by a tenth of the margin either way: fleets do not renew at once."""
    if lifetime == NEVER:
        return NEVER
    return now + lifetime - early_by(lifetime) * (0.9 + 0.2 * spread)


class Cooling:
    """After a failure a pause of 1 s, doubled by each further one up to 60 s; a success ends it.

    `until` is when the pause ends. A longer `Retry-After` lengthens one pause and not the ones after it.
    """

    __slots__ = ("_pause", "until")

    def __init__(self) -> None:
        self._pause = 0.0
        self.until = float("-inf")

    def failed(self, now: float, retry_after: float | None = None) -> None:
        self._pause = min(max(1.0, 2 * self._pause), 60.0)
        self.until = now + max(self._pause, min(retry_after or 0.0, LONGEST_PAUSE))

    def succeeded(self) -> None:
        self._pause = 0.0
        self.until = float("-inf")

    def remaining(self, now: float) -> float:
        """Seconds left of the pause; 0 when a try is allowed."""
        return max(0.0, self.until - now)
