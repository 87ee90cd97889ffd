"""How long ago a request was made that is identical to this one: what `Outrider-Min-Interval` asks.

Bounded in number; past it the one that was made longest ago is forgotten. What must not live here: what makes requests
identical (`proxy.policy.fingerprint`).
"""

import math

from cachetools import LRUCache

from proxy.config.units import format_duration
from proxy.errors import RateLimited

__all__ = ["LastCalls"]

_REMEMBERED = 10_000
"""Requests; about 300 bytes each."""


class LastCalls:
    """When each request was made last."""

    __slots__ = ("_made",)

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._made: LRUCache[object, float] = LRUCache(remembered)

    def __len__(self) -> int:
        return len(self._made)

    def make(self, key: object, interval: float, now: float) -> None:
        """Note a request that is made `now`. Raises RateLimited when the last one is not `interval` seconds old."""
        wait = self._made.get(key, -math.inf) + interval - now
        if wait > 0:
            raise RateLimited(
                f"An identical request was made less than {format_duration(interval)} ago (Outrider-Min-Interval).",
                retry_after=wait,
                lines=(f'RateLimit: "min-interval";r=0;t={max(1, math.ceil(wait))}'.encode(),),
            )
        self._made[key] = now
