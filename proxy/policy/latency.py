"""What an upstream's first byte usually takes: a percentile over recent answers, in a fixed and small space.

Answers are counted in buckets whose bounds grow by a tenth, so that the estimate is at most that much too high, and
halved now and then, so that old ones fade. What must not live here: the clock, what is done with the estimate.
"""

from bisect import bisect_left

__all__ = ["Latency"]

_GROWTH = 1.1
_SHORTEST = 0.0005
_LONGEST = 60.0
_LEAST = 20
_FADE_AT = 1000
_RENEW_EVERY = 16


def _bounds() -> list[float]:
    bounds = [_SHORTEST]
    while bounds[-1] < _LONGEST:
        bounds.append(bounds[-1] * _GROWTH)
    return bounds


_BOUNDS = _bounds()


class Latency:
    """`value` is in seconds; None until enough answers were seen. `share` is 0.95 for the 95th percentile."""

    __slots__ = ("_counts", "_left", "_share", "_total", "value")

    def __init__(self, share: float) -> None:
        self._share = share
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._total = 0
        self._left = _LEAST
        self.value: float | None = None

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(_BOUNDS, seconds)] += 1
        self._total += 1
        self._left -= 1
        if self._left <= 0:
            self._renew()

    def _renew(self) -> None:
        self._left = _RENEW_EVERY
        if self._total >= _FADE_AT:
            self._counts = [count >> 1 for count in self._counts]
            self._total = sum(self._counts)
        wanted = self._share * self._total
        for index, count in enumerate(self._counts):
            wanted -= count
            if wanted <= 0:
                self.value = _BOUNDS[min(index, len(_BOUNDS) - 1)]
                return
