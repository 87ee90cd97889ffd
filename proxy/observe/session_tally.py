"""What is counted per profile whose token is renewed, in plain numbers.

What must not live here: metric names and their text form, and any token.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Literal, get_args

from proxy.clock import wall
from proxy.observe.events import EventLog

__all__ = ["REFRESH_BOUNDS", "Result", "SessionTallies", "SessionTally"]

REFRESH_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the duration buckets in seconds; one more bucket takes what is above."""

Result = Literal["success", "shared", "transient", "terminal"]
"""How a refresh ended: with a new token, with one that another process had got, failed for now, failed for good."""


class SessionTally:
    """The numbers of one profile. `state` tells its session's state when asked, `expiry` is wall time, 0 for none.

    `ended` is to be called when its session was ended.
    """

    __slots__ = ("_told", "buckets", "ended", "events", "expiry", "refreshes", "seconds", "state")

    def __init__(self, events: EventLog | None = None, told: Callable[[Result, float], None] | None = None) -> None:
        self._told = told
        self.events = EventLog(wall) if events is None else events
        self.refreshes: dict[str, int] = dict.fromkeys(get_args(Result), 0)
        self.buckets = [0] * (len(REFRESH_BOUNDS) + 1)
        self.seconds = 0.0
        self.expiry = 0.0
        self.state: Callable[[], str] = lambda: "empty"
        self.ended: Callable[[], None] = lambda: None

    def refreshed(self, result: Result, seconds: float) -> None:
        self.refreshes[result] += 1
        self.buckets[bisect_left(REFRESH_BOUNDS, seconds)] += 1
        self.seconds += seconds
        if self._told is not None:
            self._told(result, seconds)


class SessionTallies:
    """The tallies of all profiles that have one, by name. `on_refresh` hears of each refresh: profile, end, seconds.

    `on_end` hears of each session that was ended, by the name of its profile.
    """

    __slots__ = ("_by_name", "_events", "on_end", "on_refresh")

    def __init__(self, events: EventLog | None = None) -> None:
        self._by_name: dict[str, SessionTally] = {}
        self._events = events
        self.on_refresh: Callable[[str, str, float], None] | None = None
        self.on_end: Callable[[str], None] | None = None

    def of(self, profile: str) -> SessionTally:
        def told(result: Result, seconds: float) -> None:
            if self.on_refresh is not None:
                self.on_refresh(profile, result, seconds)

        def ended() -> None:
            if self.on_end is not None:
                self.on_end(profile)

        tally = self._by_name.setdefault(profile, SessionTally(self._events, told))
        tally.ended = ended
        return tally

    def states(self) -> dict[str, Callable[[], str]]:
        """Who tells the states now; for `restore`."""
        return {name: tally.state for name, tally in self._by_name.items()}

    def restore(self, states: Mapping[str, Callable[[], str]]) -> None:
        for name, state in states.items():
            self._by_name[name].state = state

    def keep(self, profiles: Collection[str]) -> None:
        """Forget the others: they have no session any more."""
        for name in set(self._by_name).difference(profiles):
            del self._by_name[name]

    def __iter__(self) -> Iterator[tuple[str, SessionTally]]:
        return iter(self._by_name.items())
