"""What a hook is told: an event, or the errors of a time together. Plain rules; nothing waits here.

What must not live here: telling it (`proxy.hooks.delivery`).
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from proxy.observe.events import Event

__all__ = ["ErrorWindow", "Expiries", "Notice"]

_LONGEST_VARIABLE = 4096
"""Characters; a command's input has all of it."""

_ENDS = frozenset(("session.expired", "session.terminated"))
_BEGINS = frozenset(("session.obtained", "session.refreshed", "session.revived"))


@dataclass(frozen=True, slots=True)
class Notice:
    """The document for the hook `hook`."""

    hook: str
    document: Mapping[str, object]

    @classmethod
    def of(cls, hook: str, event: Event, **more: object) -> "Notice":
        return cls(hook, {"hook": hook, **event.document(), **more})

    @property
    def content(self) -> bytes:
        return json.dumps(self.document).encode()

    @property
    def variables(self) -> dict[str, str]:
        """`OUTRIDER_EVENT_…` for each plain value."""
        return {
            f"OUTRIDER_EVENT_{name.upper()}": str(value).replace("\0", "")[:_LONGEST_VARIABLE]
            for name, value in self.document.items()
            if isinstance(value, (str, int, float))
        }


@dataclass(slots=True)
class Expiries:
    """Whether the end of a session is news: one that is over may be ended, too, and is over only once."""

    _over: set[str] = field(default_factory=set)

    def is_news(self, event: Event) -> bool:
        profile = str(event.facts.get("profile"))
        if event.kind in _BEGINS:
            self._over.discard(profile)
        if event.kind not in _ENDS or profile in self._over:
            return False
        self._over.add(profile)
        return True


class ErrorWindow:
    """The first error is told at once; those that follow within `every` seconds are told together at its end."""

    __slots__ = ("_codes", "_count", "_every", "_last", "_until", "_upstreams", "_wanted")

    def __init__(self, every: float, codes: Collection[str]) -> None:
        self._every = every
        self._wanted = frozenset(codes)
        self._until = float("-inf")
        self._last: Event | None = None
        self._count = 0
        self._codes: Counter[str] = Counter()
        self._upstreams: Counter[str] = Counter()

    def add(self, event: Event, now: float) -> tuple[Notice | None, float | None]:
        """What to tell now, and when to call `flush`, where nobody is about to."""
        if self._wanted and event.facts.get("code") not in self._wanted:
            return None, None
        first = self._last is None
        self._last = event
        self._count += 1
        self._codes[str(event.facts.get("code"))] += 1
        self._upstreams[str(event.facts.get("upstream") or "-")] += 1
        if now >= self._until:
            return self.flush(now), None
        return None, self._until if first else None

    def flush(self, now: float) -> Notice | None:
        """What has gathered; a new window begins."""
        last, self._last = self._last, None
        if last is None:
            return None
        self._until = now + self._every
        notice = Notice.of(
            "on_error", last, count=self._count, codes=dict(self._codes), upstreams=dict(self._upstreams)
        )
        self._count = 0
        self._codes.clear()
        self._upstreams.clear()
        return notice
