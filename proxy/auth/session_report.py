"""What a session tells the operator: log lines, numbers and events, and never a token.

What must not live here: decisions.
"""

import logging

from proxy.auth.supply import Failed, Fresh
from proxy.clock import NEVER, Clock
from proxy.observe.log import LOGGER, event
from proxy.observe.session_tally import SessionTally

__all__ = ["SessionReport"]


class SessionReport:
    """Reports on the session of profile `name`. `wall` is wall time."""

    __slots__ = ("_held", "_log", "_name", "_wall", "tally")

    def __init__(self, name: str, tally: SessionTally, wall: Clock) -> None:
        self._name = name
        self._wall = wall
        self._log = logging.getLogger(LOGGER)
        self._held = False
        self.tally = tally

    def installed(self, fresh: Fresh) -> None:
        self._expires(fresh)
        self._event(logging.INFO, "session.obtained", f"a session from outside for {self._name}, which {_end(fresh)}")
        self._held = True
        self._publish("session.obtained", fresh)

    def terminated(self) -> None:
        self._held = False
        self.tally.expiry = 0.0
        self._event(logging.WARNING, "session.terminated", f"the session of {self._name} was ended")
        self.tally.events.publish("session.terminated", profile=self._name)
        self.tally.ended()

    def refreshed(self, fresh: Fresh, seconds: float) -> None:
        self.tally.refreshed("shared" if fresh.shared else "success", seconds)
        self._expires(fresh)
        how = "a token that another process got" if fresh.shared else "a new token"
        self._event(logging.INFO, "session.refreshed", f"{how} for {self._name}, which {_end(fresh)}")
        # The first token of a session is worth a word of its own.
        kind = "session.refreshed" if self._held else "session.obtained"
        self._held = True
        self._publish(kind, fresh)

    def failed(self, failed: Failed, seconds: float, pause: float) -> None:
        if failed.terminal:
            self.tally.refreshed("terminal", seconds)
            self._event(logging.ERROR, "session.expired", f"the session of {self._name} is over: {failed}")
            self._held = False
            self.tally.events.publish("session.expired", profile=self._name, detail=failed.detail)
        else:
            self.tally.refreshed("transient", seconds)
            message = f"no new token for {self._name}, next try in {pause:.0f} s: {failed}"
            self._event(logging.WARNING, "session.refresh_failed", message)
            self.tally.events.publish(
                "session.refresh_failed", profile=self._name, detail=failed.detail, retry_in=round(pause, 1)
            )

    def revived(self) -> None:
        self._event(logging.INFO, "session.revived", f"there are new credentials for {self._name}")
        self.tally.events.publish("session.revived", profile=self._name)

    def _expires(self, fresh: Fresh) -> None:
        self.tally.expiry = 0.0 if fresh.lifetime == NEVER else self._wall() + fresh.lifetime

    def _publish(self, kind: str, fresh: Fresh) -> None:
        expires = round(self.tally.expiry, 3) or None
        self.tally.events.publish(kind, profile=self._name, expires_at=expires, shared=fresh.shared)

    def _event(self, level: int, name: str, message: str) -> None:
        event(self._log, level, name, message, profile=self._name)


def _end(fresh: Fresh) -> str:
    return "never ends" if fresh.lifetime == NEVER else f"lives {fresh.lifetime:.0f} s"
