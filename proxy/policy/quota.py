"""What is left of the upstream's own quota, and when requests must be held for it.

An answer tells what is left at its moment; every request that has left since takes one of it. When nothing is left, or
when the upstream has said not to come back for a while, requests are held until then. Afterwards one goes
first, since resets are told in whole seconds, rounded this way or that; its answer says how many may follow. The quota
is one for all callers of an upstream. No loop, no clock of its own. What must not live here: waiting
(`proxy.stages.pace`), how answers spell it (`proxy.policy.quota_fields`).
"""

from collections.abc import Callable

from proxy.policy.bucket import SOON
from proxy.policy.quota_fields import LONGEST, Reading, Window

__all__ = ["Quota"]

_MOST_WINDOWS = 8
_PATIENCE = 1.0
"""Seconds for which the others wait for the answer to the first one after a hold."""


class _Window:
    """One limit of the upstream. `reset_at` is on the clock of `now`.

    `level` is the number of the last request that it has room for. Requests may reach the upstream in another order
    than they left in, and then an answer says more than is left. So one that says more than those before it is believed
    only when none has said less for a while; `latest` and `doubted_since` are about that one.
    """

    __slots__ = ("counted", "doubted_since", "latest", "level", "limit", "reset_at")

    def __init__(self, window: Window, number: int, now: float) -> None:
        self.counted = window.counted
        self.limit = window.limit
        self.reset_at = now + window.reset
        self.level = self.latest = window.remaining + number
        self.doubted_since: float | None = None

    def renew(self, before: "_Window", now: float) -> None:
        """Take from the window as it was known what this answer may not yet tell."""
        if not self.counted or before.reset_at <= now or self.level <= before.level:
            return
        began = before.doubted_since if before.doubted_since is not None else now
        if now - began < _PATIENCE:
            self.level, self.doubted_since = before.level, began

    def left(self, taken: int, now: float) -> int:
        if not self.counted:
            return self.level
        if self.doubted_since is not None and now - self.doubted_since >= _PATIENCE:
            self.level, self.doubted_since = self.latest, None
        return self.level - taken

    def blocked_until(self, taken: int, now: float) -> float:
        """When there may be room again, and may have passed; 0 where there is room."""
        if self.left(taken, now) > 0:
            return 0.0
        if self.doubted_since is not None and self.latest > taken:
            return min(self.reset_at, self.doubted_since + _PATIENCE)
        return self.reset_at


class Quota:
    """The quota of one upstream, with the verbs of a bucket (`proxy.policy.bucket`).

    `quiet` tells that nothing is known that could hold a request. `waiting` is kept by who keeps the line. `on_hold` is
    told for how many seconds, as far as is known, when an answer begins a hold.
    """

    __slots__ = (
        "_departed", "_first", "_grant", "_grant_until", "_held", "_on_hold", "_paused_until", "_taken", "_windows",
        "quiet", "waiting",
    )  # fmt: skip

    def __init__(self, on_hold: Callable[[float], None] = lambda _: None) -> None:
        self._on_hold = on_hold
        self.quiet = True
        self.waiting = 0
        self._windows: dict[str, _Window] = {}
        self._paused_until = 0.0
        self._held = False
        # After a reset: how many may go before an answer has come, until when that counts, and the first of them.
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
        now += SOON
        until = self._held_until(now)
        if until > now:
            self._held = True
            return until - now
        self._renew(now, until)
        return self._grant_until - now if self._grant is not None and self._grant <= 0 else 0.0

    def take(self, now: float, *, queued: bool = False) -> None:
        self._taken += 1
        if self._grant is not None:
            self._grant -= 1

    def give_back(self) -> None:
        self._taken -= 1
        if self._grant is not None:
            self._grant += 1

    # What requests and answers say

    def depart(self) -> int:
        """A request leaves for the upstream. Answers with its number, by which its answer is told apart."""
        self._departed += 1
        return self._departed

    def pass_by(self) -> int:
        """`take` and `depart` in one, while it is `quiet`."""
        self._taken += 1
        self._departed += 1
        return self._departed

    def learn(self, number: int, reading: Reading, now: float) -> None:
        """The answer to request `number` has come, and this is what it says."""
        for said in reading.windows:
            window = _Window(said, number if said.counted else 0, now)
            if (before := self._windows.pop(said.name, None)) is not None:
                window.renew(before, now)
            self._windows[said.name] = window
        while len(self._windows) > _MOST_WINDOWS:
            del self._windows[next(iter(self._windows))]
        if reading.pause:
            self._paused_until = max(self._paused_until, now + reading.pause)
        self.quiet = self.quiet and not self._windows and not self._paused_until
        self.answered(number)
        held, until = self._held, self._held_until(now)
        self._held = until > now
        if self._held and not held:
            self._on_hold(until - now)

    def answered(self, number: int) -> None:
        """The answer to request `number` has come; where it says anything, `learn` is told instead."""
        if self._grant is not None and number >= self._first:
            self._grant = None

    def hold(self, seconds: float, now: float) -> None:
        """Send nothing for so long."""
        if seconds > 0:
            self.learn(self._departed, Reading(pause=min(seconds, LONGEST)), now)

    def remaining(self, now: float) -> int | None:
        """The least of what is left of the limits that count requests; None when nothing is known."""
        left = [window.left(self._taken, now) for window in self._windows.values() if window.counted]
        return max(0, min(left)) if left else None

    def limit(self, now: float) -> int | None:
        """Of how many `remaining` is what is left; None where the upstream does not say."""
        windows = [window for window in self._windows.values() if window.counted]
        return min(windows, key=lambda window: window.left(self._taken, now)).limit if windows else None

    def _held_until(self, now: float) -> float:
        until = self._paused_until
        for window in self._windows.values():
            blocked = window.blocked_until(self._taken, now)
            if blocked > until:
                until = blocked
        return until

    def _renew(self, now: float, until: float) -> None:
        """Drop what time has overtaken. Until an answer tells more, one may go after a hold, else as many as before."""
        if self._grant is not None and self._grant_until <= now:
            self._grant = None
        over = [name for name, window in self._windows.items() if window.reset_at <= now]
        if over or self._held:
            windows = [self._windows.pop(name) for name in over]
            limits = [window.limit for window in windows if window.counted and window.limit]
            ended = self._held and now - until < _PATIENCE
            if ended or limits:
                self._grant = 1 if ended else min(limits)
                self._grant_until = now + _PATIENCE
                self._first = self._departed + 1
            self._held = False
            self._paused_until = 0.0
        self.quiet = not self._windows and not self._paused_until and self._grant is None
