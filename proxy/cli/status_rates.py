"""How fast the counters of a daemon grow, from one look at its state to the next.

What must not live here: asking, and drawing.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from proxy.observe.quantiles import quantile

__all__ = ["Rates"]

KEPT = 40
"""Looks that a line of the past shows."""

_WINDOW = 3.0
"""Seconds over which a rate is taken."""

State = Mapping[str, Any]


class Rates:
    """Give each look to `add`, then ask. None where too little is known."""

    def __init__(self) -> None:
        self._looks: deque[State] = deque(maxlen=KEPT)
        self._past: dict[str, deque[float]] = {}

    def add(self, state: State) -> None:
        if self._looks and self._looks[-1]["started_at"] != state["started_at"]:
            # It was started again, and counts from zero.
            self._looks.clear()
            self._past.clear()
        self._looks.append(state)
        for upstream in state["upstreams"]:
            rate = self.of(upstream["name"], "requests")
            if rate is not None:
                self._past.setdefault(upstream["name"], deque(maxlen=KEPT)).append(rate)

    def past(self, upstream: str) -> Sequence[float]:
        """Requests a second at each look, oldest first."""
        return tuple(self._past.get(upstream, ()))

    def of(self, upstream: str, counter: str) -> float | None:
        """By how much a counter of an upstream grows in a second."""
        pair = self._pair(upstream)
        if pair is None:
            return None
        before, now, seconds = pair
        growth: float = now[counter] - before[counter]
        return growth / seconds

    def latency(self, upstream: str, share: float) -> float | None:
        """Seconds below which this share of the last requests took."""
        pair = self._pair(upstream)
        if pair is None:
            return None
        before, now, _ = pair
        counts = [
            late - early for late, early in zip(now["latency"]["counts"], before["latency"]["counts"], strict=True)
        ]
        return quantile(self._looks[-1]["latency_bounds"], counts, share)

    def transfer(self, request: Mapping[str, Any], counter: str) -> float | None:
        """Bytes a second of a request in flight."""
        if len(self._looks) < 2:
            return None
        before, now = self._looks[-2], self._looks[-1]
        for earlier in before["requests"]:
            if earlier["id"] == request["id"] and earlier["age"] < request["age"] and now["at"] > before["at"]:
                moved: float = request[counter] - earlier[counter]
                seconds: float = now["at"] - before["at"]
                return max(0.0, moved) / seconds
        return None

    def _pair(self, name: str) -> tuple[State, State, float] | None:
        """An upstream some seconds ago and now, and the seconds between."""
        if len(self._looks) < 2:
            return None
        now = self._looks[-1]
        earlier = [look for look in list(self._looks)[:-1] if now["at"] - look["at"] <= _WINDOW] or [self._looks[-2]]
        seconds = now["at"] - earlier[0]["at"]
        before, after = _named(earlier[0], name), _named(now, name)
        return None if before is None or after is None or seconds <= 0 else (before, after, seconds)


def _named(state: State, name: str) -> State | None:
    return next((upstream for upstream in state["upstreams"] if upstream["name"] == name), None)
