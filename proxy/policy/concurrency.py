"""How many calls may be under way at once: a fixed limit, or one that finds its place by itself.

The adaptive limit grows by one while it is used and every answer comes, and shrinks to nine tenths when a call is
dropped or times out (additive increase, multiplicative decrease). As in TCP, a step up takes as many answers as the
limit is high, and the drops of one crowd count once; otherwise one bad moment would end at the bottom. What must not
live here: waiting, who is next (`proxy.policy.line`), which outcomes are drops (`proxy.stages.concurrency`).
"""

from proxy.clock import NEVER

__all__ = ["AdaptiveLimit", "Permits"]

_START = 10
_SHRINK = 0.9


class Permits:
    """Counts permits. `limit` may be moved at any time; what is over it then is only not given out again."""

    __slots__ = ("in_use", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_use = 0

    @property
    def free(self) -> bool:
        return self.in_use < self.limit


class AdaptiveLimit:
    """Moves the limit of `permits` between `least` and `most`."""

    __slots__ = ("_answers", "_exact", "_least", "_most", "_permits", "_shrunk_at")

    def __init__(self, permits: Permits, least: int, most: int) -> None:
        self._permits = permits
        self._least = least
        self._most = most
        self._exact = float(max(least, min(_START, most)))
        self._answers = 0
        self._shrunk_at = -NEVER
        permits.limit = int(self._exact)

    def answered(self) -> None:
        """A call came back well; its permit is still counted."""
        if self._permits.in_use * 2 < self._permits.limit:
            return
        self._answers += 1
        if self._answers >= self._permits.limit:
            self._answers = 0
            self._move(self._exact + 1)

    def dropped(self, began: float, now: float) -> None:
        """A call that began at `began` was dropped or timed out."""
        if began >= self._shrunk_at:
            self._shrunk_at = now
            self._answers = 0
            self._move(self._exact * _SHRINK)

    def _move(self, limit: float) -> None:
        self._exact = min(max(limit, self._least), self._most)
        self._permits.limit = int(self._exact)
