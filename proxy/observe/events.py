"""What has happened, in numbered events: a bounded history that anyone may follow from where they left off.

Publishing never waits and never fails: the history belongs to the log, and who reads it has a place in it and no queue
of its own. A reader that falls behind what is kept is told that it missed something. Facts are plain values, ready for
JSON, and hold nothing that a log line may not hold. What must not live here: which events exist, and what is done about
them.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from proxy.clock import Clock

__all__ = ["KEPT", "Event", "EventLog", "Subscription"]

KEPT = 512
"""Events that are kept of each family. A family is the first word of a kind (`session` of `session.expired`), so that
a storm of one does not push the others out."""


class Event(NamedTuple):
    """`at` is in seconds since the epoch. A tuple, since one is made for each error that is answered."""

    id: int
    kind: str
    at: float
    facts: Mapping[str, object]

    def document(self) -> dict[str, object]:
        return {"id": self.id, "kind": self.kind, "at": round(self.at, 3), **self.facts}


class EventLog:
    """Ids grow by one. The first is taken from the time, so that they also grow from one process to the next.

    `dropped` counts readers that were let go because they did not keep up.
    """

    __slots__ = ("_families", "_forgotten", "_last", "_waiting", "_wall", "dropped")

    def __init__(self, wall: Clock) -> None:
        self._wall = wall
        self._families: dict[str, deque[Event]] = {}
        self._forgotten: dict[str, int] = {}
        self._last = int(wall() * 1000)
        self._waiting: set[asyncio.Future[None]] = set()
        self.dropped = 0

    @property
    def last(self) -> int:
        """The id of the newest event, or the one before the first."""
        return self._last

    def publish(self, kind: str, /, **facts: object) -> None:
        self._last += 1
        family = kind.partition(".")[0]
        events = self._families.get(family)
        if events is None:
            events = self._families[family] = deque(maxlen=KEPT)
        elif len(events) == KEPT:
            self._forgotten[family] = events[0].id
        events.append(Event(self._last, kind, self._wall(), facts))
        if self._waiting:
            for waiter in self._waiting:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiting.clear()

    def since(self, after: int, family: str | None = None) -> list[Event]:
        """The events after the id `after` that are still kept, oldest first; of one family, or of all."""
        found: list[Event] = []
        for name, events in self._families.items():
            if family is None or name == family:
                for event in reversed(events):
                    if event.id <= after:
                        break
                    found.append(event)
        return sorted(found, key=lambda event: event.id)

    def has_forgotten(self, after: int) -> bool:
        """Whether an event after the id `after` is no longer kept."""
        return any(gone > after for gone in self._forgotten.values())

    def subscribe(self, after: int | None = None) -> "Subscription":
        """Follow from the id `after` on, or from now on. An id that was never given stands for the beginning."""
        return Subscription(self, self._last if after is None else after if after <= self._last else 0)

    async def news(self, after: int) -> None:
        """Wait until there is an event after the id `after`."""
        if self._last > after:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)


class Subscription:
    """A reader's place in the log."""

    __slots__ = ("_log", "after")

    def __init__(self, log: EventLog, after: int) -> None:
        self._log = log
        self.after = after

    @property
    def missed(self) -> bool:
        """Whether the reader has fallen behind what is kept, so that `take` does not give everything."""
        return self._log.has_forgotten(self.after)

    def take(self) -> list[Event]:
        """What is new, perhaps nothing."""
        events = self._log.since(self.after)
        self.after = self._log.last
        return events

    async def news(self) -> None:
        """Wait until there is something new."""
        await self._log.news(self.after)

    async def next(self) -> list[Event]:
        """What is new, waited for: at least one event."""
        await self.news()
        return self.take()
