"""When an upstream is left alone: a circuit breaker over the share of calls that failed in a sliding window.

Closed: calls are counted, and enough of them with enough failures open it. Open: nothing passes until its time is over,
which doubles with each opening in a row. Half open: a few probes pass; as many answers close it, one failure opens it
again, and a probe whose outcome says nothing of the upstream is free for another call. What must not live here: which
errors are failures (`proxy.stages.breaker`, `proxy.upstream.guarded_fetch`), waiting, the clock.
"""

from collections.abc import Callable
from enum import Enum

from proxy.config.breaker_model import BreakerPolicy

__all__ = ["REFUSED", "Breaker", "Circuit"]

REFUSED = -1
"""What `admit` answers instead of a ticket."""

_BUCKETS = 10
_TOO_MANY = 429


class Circuit(Enum):
    """The states, by the names that the metrics give them."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """A call asks `admit` for a ticket, and hands it back by exactly one of `answered`, `fail` and `exclude`.

    Tickets of an earlier state count for nothing: a slow call from before the opening is no probe. Every `now` is in
    seconds on one monotonic clock. `on_change` is told each new state.
    """

    __slots__ = ("_calls", "_on_change", "_open_for", "_round", "_rules", "_since", "_started", "_succeeded", "circuit")

    def __init__(self, rules: BreakerPolicy, on_change: Callable[[Circuit], None] = lambda _: None) -> None:
        self.circuit = Circuit.CLOSED
        self._rules = rules
        self._on_change = on_change
        self._calls = _Window(rules.window)
        self._round = 0
        self._open_for = rules.open
        self._since = 0.0
        self._started = 0
        self._succeeded = 0

    def admit(self, now: float) -> int:
        """A ticket for one call, or REFUSED."""
        if self.circuit is Circuit.CLOSED:
            return self._round
        if now >= self._since + self._open_for and (self.circuit is Circuit.OPEN or self._started):
            # The second case: probes that never ended must not keep everybody else out for ever.
            self._since = now
            self._enter(Circuit.HALF_OPEN)
        if self.circuit is Circuit.OPEN or self._started + self._succeeded >= self._rules.probes:
            return REFUSED
        self._started += 1
        return self._round

    def retry_after(self, now: float) -> float:
        """Seconds after which a refused caller may find it open for probes; a second while probes are out."""
        return max(1.0, self._since + self._open_for - now) if self.circuit is Circuit.OPEN else 1.0

    def answered(self, ticket: int, status: int, now: float) -> None:
        """5xx is a failure; 429 tells of the pace that we keep, and not of the upstream's health."""
        if status >= 500:
            self.fail(ticket, now)
        elif status == _TOO_MANY:
            self.exclude(ticket)
        else:
            self._succeed(ticket, now)

    def _succeed(self, ticket: int, now: float) -> None:
        if ticket != self._round:
            return
        if self.circuit is Circuit.CLOSED:
            self._calls.add(now, 0)
            return
        self._started -= 1
        self._succeeded += 1
        if self._succeeded >= self._rules.probes:
            self._open_for = self._rules.open
            self._calls = _Window(self._rules.window)
            self._enter(Circuit.CLOSED)

    def fail(self, ticket: int, now: float) -> None:
        if ticket != self._round:
            return
        if self.circuit is Circuit.CLOSED:
            calls = self._calls
            calls.add(now, 1)
            rules = self._rules
            if calls.total >= rules.min_calls and calls.failed >= rules.failure_ratio * calls.total:
                self._open(now)
            return
        self._open_for = min(self._open_for * 2, max(self._rules.max_open, self._rules.open))
        self._open(now)

    def exclude(self, ticket: int) -> None:
        """The outcome says nothing of the upstream's health."""
        if ticket == self._round and self.circuit is Circuit.HALF_OPEN:
            self._started -= 1

    def _open(self, now: float) -> None:
        self._since = now
        self._enter(Circuit.OPEN)

    def _enter(self, circuit: Circuit) -> None:
        self._round += 1
        self._started = self._succeeded = 0
        changed = circuit is not self.circuit
        self.circuit = circuit
        if changed:
            self._on_change(circuit)


class _Window:
    """Counts of the last `length` seconds in buckets; a count leaves with its bucket, up to one bucket early."""

    __slots__ = ("_buckets", "_end", "_number", "_width", "failed", "total")

    def __init__(self, length: float) -> None:
        self._width = length / _BUCKETS
        self._buckets = [(0, 0)] * _BUCKETS
        self._number = 0
        self._end = 0.0
        self.total = 0
        self.failed = 0

    def add(self, now: float, failed: int) -> None:
        if now >= self._end:
            self._turn(now)
        at = self._number % _BUCKETS
        total_here, failed_here = self._buckets[at]
        self._buckets[at] = (total_here + 1, failed_here + failed)
        self.total += 1
        self.failed += failed

    def _turn(self, now: float) -> None:
        """Go on to the bucket of `now`, forgetting those that it comes by."""
        number = int(now // self._width)
        for passed in range(max(self._number, number - _BUCKETS) + 1, number + 1):
            total, failed = self._buckets[passed % _BUCKETS]
            self._buckets[passed % _BUCKETS] = (0, 0)
            self.total -= total
            self.failed -= failed
        self._number = number
        self._end = (number + 1) * self._width
