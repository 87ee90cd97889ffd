"""Answers that are given to more than one request: how each is told so, and the window in which they are kept.

Pure but for the clock, which is injected. What must not live here: which answers may be kept (`proxy.policy.dedup`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from cachetools import TTLCache

from proxy.clock import Clock
from proxy.message import Exchange
from proxy.policy.dedup import Key, Variant

__all__ = ["AnswerWindow", "KeptAnswer", "shared_lines"]

_COLLAPSED = b"Cache-Status: outrider; fwd=miss; collapsed"
_HIT = b"Cache-Status: outrider; hit"
_SIZE = attrgetter("size")
_OVERHEAD = 1024
"""Bytes that an entry takes beside its lines and content, roughly."""


def shared_lines(lines: Sequence[bytes]) -> list[bytes]:
    """The lines of an answer for who shares it: without its cookies, which are the first caller's, and saying so."""
    return [*_without(lines, b"set-cookie"), _COLLAPSED]


def _without(lines: Sequence[bytes], name: bytes) -> list[bytes]:
    return [line for line in lines if line.partition(b":")[0].lower() != name]


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A whole answer. `at` is when it was kept, `age` the seconds that the upstream said it already had.

    `size` is the bytes that it takes.
    """

    status: int
    reason: bytes
    lines: tuple[bytes, ...]
    content: bytes
    variant: Variant
    at: float
    age: int
    size: int

    def lines_at(self, now: float) -> list[bytes]:
        """Its lines for a request that comes at `now` (RFC 9111 §5.1, RFC 9211 §2)."""
        return [*self.lines, b"Age: %d" % (self.age + int(now - self.at)), _HIT]


class AnswerWindow:
    """Keeps whole answers by key for `ttl` seconds, `total` bytes at most; the least recently used goes first."""

    __slots__ = ("_cache", "_clock", "_total")

    def __init__(self, ttl: float, total: int, clock: Clock) -> None:
        self._clock = clock
        self._total = total
        self._cache: TTLCache[Key, KeptAnswer] = TTLCache(total, ttl, timer=clock, getsizeof=_SIZE)

    def __len__(self) -> int:
        return len(self._cache)

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return int(self._cache.currsize)

    def find(self, key: Key, exchange: Exchange) -> KeptAnswer | None:
        kept = self._cache.get(key)
        return kept if kept is not None and kept.variant.fits(exchange) else None

    def keep(
        self, key: Key, status: int, reason: bytes, lines: Sequence[bytes], content: bytes, variant: Variant
    ) -> None:
        """Nothing is kept of an answer that is larger than the whole window."""
        ages = [line for line in lines if line[3:4] == b":" and line[:3].lower() == b"age"]
        age = ages[0][4:].strip() if ages else b""
        seconds = int(age) if age.isdigit() and len(age) < 10 else 0
        plain = tuple(_without(lines, b"age") if ages else lines)
        size = len(content) + sum(map(len, plain)) + _OVERHEAD
        if size <= self._total:
            self._cache[key] = KeptAnswer(status, reason, plain, content, variant, self._clock(), seconds, size)

    def lines(self, kept: KeptAnswer) -> list[bytes]:
        return kept.lines_at(self._clock())
