"""A session as a pure state machine: which token is current, what a request may do now, and when to look again.

Time is monotonic and given; nothing here waits, sends or knows a token's text: a token is its serial number. What must
not live here: obtaining tokens, keeping them (`proxy.auth`).
"""

from collections.abc import Callable
from enum import Enum
from typing import Literal

from proxy.policy.renewal import Cooling, renewal_time

__all__ = ["STATES", "Session", "State", "Verdict"]

State = Literal["empty", "valid", "renewing", "cooling", "expired"]
STATES: tuple[State, ...] = ("empty", "valid", "renewing", "cooling", "expired")
"""No token, and nothing against getting one; a good one; a refresh is under way; one has failed, and the next waits its
time; over: only new credentials help."""

NEW_CREDENTIALS_EVERY = 1.0
"""Seconds between two looks for new credentials while a session that cannot be renewed lives on."""

_PAST = float("-inf")


class Verdict(Enum):
    """What a request may do."""

    USE = "the token is good"
    RENEW = "the token is good, and it is time to renew it in the background"
    WAIT = "there is no good token: wait for the refresh"
    PAUSED = "there is none, and the last refresh has just failed"
    OVER = "there is none, and there will be none"


class Session:
    """`serial` numbers the tokens from 1 on; 0 while there was none. `spread()` in [0, 1) spreads renewals."""

    __slots__ = ("_cooling", "_expire_at", "_futile", "_futile_serial", "_over", "_renew_at", "_renewing", "_spread",
                 "serial")  # fmt: skip

    def __init__(self, spread: Callable[[], float]) -> None:
        self._spread = spread
        self._expire_at = _PAST
        self._renew_at = _PAST
        self._renewing = False
        self._over = False
        self._cooling = Cooling()
        self._futile = Cooling()
        self._futile_serial = 0
        self.serial = 0

    def decide(self, now: float) -> Verdict:
        if now < self._expire_at:
            due = now >= self._renew_at and not self._over and not self._renewing
            return Verdict.RENEW if due and not self._cooling.remaining(now) else Verdict.USE
        if self._renewing:
            return Verdict.WAIT
        if self._over:
            return Verdict.OVER
        return Verdict.PAUSED if self._cooling.remaining(now) else Verdict.WAIT

    def quiet_until(self, now: float) -> float:
        """The time before which, if nothing else happens, there is nothing to decide; in the past without a token."""
        if now >= self._expire_at:
            return _PAST
        if self._over:
            return min(self._expire_at, now + NEW_CREDENTIALS_EVERY)
        if now < self._renew_at:
            return self._renew_at
        return self._expire_at if self._renewing else min(self._expire_at, max(now, self._cooling.until))

    def state(self, now: float) -> State:
        if self._renewing:
            return "renewing"
        usable = now < self._expire_at
        if self._over and not usable:
            return "expired"
        if self._cooling.remaining(now):
            return "cooling"
        return "valid" if usable else "empty"

    @property
    def over(self) -> bool:
        """Whether only new credentials help; a token that it still has is used to its end."""
        return self._over

    def is_usable(self, now: float) -> bool:
        return now < self._expire_at

    def pause(self, now: float) -> float:
        """Seconds until the next refresh may be tried."""
        return self._cooling.remaining(now)

    # A refresh: begun once, then exactly one of the four ends

    def begin(self) -> None:
        self._renewing = True

    def succeed(self, now: float, lifetime: float) -> None:
        """There is a new token, good for `lifetime` seconds."""
        self._renewing = self._over = False
        self._cooling.succeeded()
        self.serial += 1
        self._expire_at = now + lifetime
        self._renew_at = renewal_time(now, lifetime, self._spread())

    def fail(self, now: float, retry_after: float | None = None) -> None:
        """For now: the next one waits its time."""
        self._renewing = False
        self._cooling.failed(now, retry_after)

    def end(self) -> None:
        """For good: the session is over."""
        self._renewing = False
        self._over = True

    def abandon(self) -> None:
        """It was stopped before it had an outcome."""
        self._renewing = False

    # What is heard from outside

    def revive(self) -> None:
        """New credentials have come."""
        self._over = False
        self._cooling.succeeded()

    def terminate(self) -> None:
        """The session was ended: not even the token that there is may be used."""
        self._renewing = False
        self._over = True
        self._expire_at = self._renew_at = _PAST

    def reject(self, serial: int) -> None:
        """An upstream refused the token `serial`. It counts only for the current one."""
        if serial == self.serial:
            self._expire_at = self._renew_at = _PAST

    def may_help(self, serial: int, now: float) -> bool:
        """Whether a refresh may do any good after the token `serial` was refused."""
        return serial != self.serial or not self._futile.remaining(now)

    def replayed(self, serial: int, now: float, *, accepted: bool) -> None:
        """What came of a fresh token. An upstream that refuses those too must not turn each call into a refresh."""
        if accepted:
            self._futile.succeeded()
        elif serial == self.serial != self._futile_serial:
            self._futile_serial = serial
            self._futile.failed(now)
