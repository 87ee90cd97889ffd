"""What is left of the upstream's own quota, and when requests must be held for it.

An answer tells what is left at its moment; every request that has left since takes one of it. When nothing is left, or
when the upstream has said not to come back for a while, requests are held until then. Afterwards as many are let go as
the upstream grants, and where it has not said how many that is, one at first: its answer will tell. The quota is one
for all callers of an upstream. No loop, no clock of its own. What must not live here: waiting
(`proxy.stages.pace`), how answers spell it (`proxy.policy.quota_fields`).
"""

from proxy.policy.quota_fields import LONGEST, Reading

__all__ = ["Quota"]

_MOST_WINDOWS = 8
_PATIENCE = 1.0
"""Seconds for which the others wait for the answer to the first one after a hold."""


class _Window:
    """One limit of the upstream. `reset_at` is on the clock of `now`."""

    __slots__ = ("counted", "limit", "remaining", "reset_at")

    def __init__(self, remaining: int, reset_at: float, limit: int | None, counted: bool) -> None:
        self.remaining = remaining
        self.reset_at = reset_at
        self.limit = limit
        self.counted = counted


class Quota:
    """The quota of one upstream, with the verbs of a bucket (`proxy.policy.bucket`).

    `quiet` tells that nothing is known that could hold a request. `waiting` is kept by who keeps the line.
    """

    __slots__ = (
        "_departed", "_first", "_grant", "_grant_until", "_held", "_paused_until", "_taken", "_windows",
        "quiet", "waiting",
    )  # fmt: skip

    def __init__(self) -> None:
        self.quiet = True
        self.waiting = 0
        self._windows: dict[str, _Window] = {}
        self._paused_until = 0.0
        self._held = False
        # After a hold: how many may go before an answer has come, until when that counts, and the first of them.
        self._grant: int | None = None
        self._grant_until = 0.0
        self._first = 0
        self._taken = 0
        self._departed = 0

    # The verbs of a bucket

    def wait(self, now: float, others: int = 0) -> float:
        """Seconds until a request may go; 0 or less when it may go now."""
        if self.quiet:
            return 0.0
        until = self._held_until(now)
        if until > now:
            self._held = True
            return until - now
        self._renew(now, until)
        return self._grant_until - now if self._grant is not None and self._grant <= 0 else 0.0

    def take(self, now: float, *, queued: bool = False) -> None:
        self._taken += 1
        if not self.quiet:
            self._spend(1)

    def give_back(self) -> None:
        self._taken -= 1
        if not self.quiet:
            self._spend(-1)

    # What requests and answers say

    def depart(self) -> int:
        """A request leaves for the upstream. Answers with its number, by which its answer is told apart."""
        self._departed += 1
        return self._departed

    def learn(self, number: int, reading: Reading, now: float) -> None:
        """The answer to request `number` has come, and this is what it says."""
        since = self._taken - number
        for window in reading.windows:
            remaining = window.remaining - since if window.counted else window.remaining
            self._windows[window.name] = _Window(remaining, now + window.reset, window.limit, window.counted)
        while len(self._windows) > _MOST_WINDOWS:
            del self._windows[next(iter(self._windows))]
        if reading.pause:
            self._paused_until = max(self._paused_until, now + reading.pause)
        self.quiet = self.quiet and not self._windows and not self._paused_until
        self.answered(number)
        self._held = self._held_until(now) > now

    def answered(self, number: int) -> None:
        """The answer to request `number` has come; where it says anything, `learn` is told instead."""
        if self._grant is not None and number >= self._first:
            self._grant = None

    def hold(self, seconds: float, now: float) -> None:
        """Send nothing for so long."""
        if seconds > 0:
            self.learn(self._departed, Reading(pause=min(seconds, LONGEST)), now)

    def remaining(self) -> int | None:
        """The least of what is left of the limits that count requests; None when nothing is known."""
        left = [window.remaining for window in self._windows.values() if window.counted]
        return max(0, min(left)) if left else None

    def _held_until(self, now: float) -> float:
        until = self._paused_until
        for window in self._windows.values():
            if window.remaining <= 0 and window.reset_at > until:
                until = window.reset_at
        return until

    def _renew(self, now: float, until: float) -> None:
        """Drop what time has overtaken. What is granted anew is the limit, where it is known; one, after a hold."""
        if self._grant is not None and self._grant_until <= now:
            self._grant = None
        over = [name for name, window in self._windows.items() if window.reset_at <= now]
        if over or self._held:
            windows = [self._windows.pop(name) for name in over]
            limits = [window.limit for window in windows if window.counted and window.limit]
            if limits or (self._held and now - until < _PATIENCE):
                self._grant = min(limits, default=1)
                self._grant_until = now + _PATIENCE
                self._first = self._departed + 1
            self._held = False
            self._paused_until = 0.0
        self.quiet = not self._windows and not self._paused_until and self._grant is None

    def _spend(self, count: int) -> None:
        if self._grant is not None:
            self._grant -= count
        for window in self._windows.values():
            if window.counted:
                window.remaining -= count
