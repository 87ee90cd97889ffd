"""The bucket of a rate limit: how long a request would have to wait, and the taking of its place.

Generic cell rate algorithm: one number, the moment at which the next request would be due if all kept the pace, says
everything; requests may run ahead of the pace by the burst. No loop, no clock of its own, no waiting: `now` is handed
in, so that a bucket is tested without one.

Why not aiolimiter, whose one verb is to wait: it cannot say how long that will be, so a refusal at once and its
`Retry-After` would be guesses; a newcomer overtakes those who wait when room has come since the last wake-up; one
request cannot take from several buckets or else from none; a place that was not used cannot be given back; and it
costs 0.8 µs to this bucket's 0.13. The tests hold the two against each other. What must not live here: who waits, and
in which order (`proxy.policy.line`, `proxy.stages.pace`).
"""

__all__ = ["LATE", "SOON", "Bucket"]

LATE = 0.002
"""Seconds by which a place in line may come too late and the next one still in time.

A loop's timers are late by a millisecond or two; without this, ten a second would become nine point nine.
"""

SOON = 1e-6
"""Seconds; a wait that is no longer has come about by rounding, and is none."""


class Bucket:
    """`interval` in seconds from one request to the next; `burst` is how many may go at once after a pause.

    `waiting` counts the requests in line for this bucket; it is kept by who keeps the line.
    """

    __slots__ = ("_ahead", "_due", "interval", "waiting")

    def __init__(self, interval: float, burst: int) -> None:
        self.interval = interval
        self.waiting = 0
        self._ahead = interval * (burst - 1)
        # When the next request is due at an even pace. Long past: nothing was sent for a while.
        self._due = float("-inf")

    def wait(self, now: float, others: int = 0) -> float:
        """Seconds until a request may go after `others` that are before it; 0 or less when it may go now."""
        due = self._due
        if not others:
            return due - self._ahead - now
        return max(due, now) + self.interval * others - self._ahead - now

    def take(self, now: float, *, queued: bool = False) -> None:
        """A request goes; `queued` when it stood in line and its place came at some moment before `now`."""
        earliest = now - LATE if queued else now
        due = self._due
        self._due = (due if due > earliest else earliest) + self.interval

    def give_back(self) -> None:
        """A request that took a place did not go."""
        self._due -= self.interval

    def room(self, now: float) -> int:
        """How many could go at once."""
        return max(0, int((now + self._ahead - max(self._due, now)) / self.interval + 1 + 1e-9))
