"""A configured limit: its buckets, one for all or one for each key, and how it refuses.

What must not live here: counting (`proxy.policy.bucket`), what a key is made of (`proxy.policy.fingerprint`).
"""

import math
from dataclasses import dataclass
from typing import Protocol

from cachetools import LRUCache

from proxy.config.rate_model import Rate, RateLimitPolicy, format_rate
from proxy.config.units import format_duration
from proxy.errors import RateLimited
from proxy.policy.bucket import Bucket

__all__ = ["KEYS", "KeyedBuckets", "Limit", "QuotaTerms", "Terms", "Throttle"]

KEYS = 10_000
"""Keys of one limit that are told apart at once. A key takes about 300 bytes, so all of them 3 MB; past it, the one
that was not met for longest is forgotten, and begins anew when it comes back."""


class Throttle(Protocol):
    """What a request may have to wait for. `proxy.policy.bucket.Bucket` says what the verbs mean."""

    waiting: int

    def wait(self, now: float, others: int = 0) -> float: ...
    def take(self, now: float, *, queued: bool = False) -> None: ...
    def give_back(self) -> None: ...


class Terms(Protocol):
    """How long one may wait, and what those are told who would have to wait for longer."""

    @property
    def max_wait(self) -> float:
        """Seconds."""

    def refusal(self, wait: float) -> RateLimited: ...


@dataclass(frozen=True, slots=True)
class Limit:
    """`name` is what `RateLimit` fields call it; it names the kind of limit and never a key's value."""

    name: str
    rate: Rate
    burst: int
    max_wait: float

    @classmethod
    def of(cls, policy: RateLimitPolicy, name: str) -> "Limit":
        return cls(name, policy.rate, policy.allowance, policy.max_wait)

    def bucket(self) -> Bucket:
        return Bucket(self.rate.interval, self.burst)

    def refusal(self, wait: float) -> RateLimited:
        seconds = _whole_seconds(wait)
        window = f";w={int(self.rate.period)}" if self.rate.period.is_integer() else ""
        return RateLimited(
            f"The limit of {format_rate(self.rate)} ({self.name}) would have this request wait "
            f"{_told(wait)}, and it may wait {format_duration(self.max_wait)}.",
            retry_after=wait,
            lines=(
                f'RateLimit-Policy: "{self.name}";q={self.rate.count}{window}'.encode(),
                f'RateLimit: "{self.name}";r=0;t={seconds}'.encode(),
            ),
        )


@dataclass(frozen=True, slots=True)
class QuotaTerms:
    """Those of the upstream's own quota."""

    max_wait: float

    def refusal(self, wait: float) -> RateLimited:
        return RateLimited(
            f"The upstream's quota is used up for {_told(wait)}, and a request may wait "
            f"{format_duration(self.max_wait)} for it.",
            retry_after=wait,
            lines=(f'RateLimit: "quota";r=0;t={_whole_seconds(wait)}'.encode(),),
        )


class KeyedBuckets:
    """The buckets of one limit by key; bounded in number."""

    __slots__ = ("_buckets", "_limit")

    def __init__(self, limit: Limit, keys: int = KEYS) -> None:
        self._limit = limit
        self._buckets: LRUCache[bytes | str, Bucket] = LRUCache(keys)

    def __len__(self) -> int:
        return len(self._buckets)

    def get(self, key: bytes | str) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = self._limit.bucket()
        return bucket


def _whole_seconds(wait: float) -> int:
    return max(1, math.ceil(wait))


def _told(wait: float) -> str:
    return format_duration(math.ceil(wait * 1000) / 1000)
