"""What is counted per request, in plain numbers.

A labelled counter of the metrics library costs more than the rest of a request's bookkeeping, so the fast path adds to
integers here and the exposition turns them into samples when somebody asks. Every key comes from a closed set: a label
never takes a value that a caller or an upstream can invent. What must not live here: metric names and their text form.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, get_args

from proxy.clock import wall
from proxy.errors import ERRORS, AdminError
from proxy.observe.configuration_tally import ConfigurationTally
from proxy.observe.events import EventLog
from proxy.observe.hook_tally import HookTally
from proxy.observe.session_tally import SessionTallies

__all__ = [
    "BOUNDS",
    "CIRCUITS",
    "COUNTED_ERRORS",
    "METHODS",
    "NO_UPSTREAM",
    "OTHER",
    "Exemplar",
    "Outcome",
    "Tallies",
    "UpstreamTally",
]

NO_UPSTREAM = "-"
"""The name under which requests that met no upstream are counted."""

OTHER = "OTHER"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

BOUNDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
)  # fmt: skip
"""Upper bounds of the duration buckets in seconds, from an API next door to a long answer of a language model; one more
bucket takes what is above."""

Exemplar = tuple[float, bytes, str]
"""A request that fell into a bucket: its seconds, its id, and the id of its trace or nothing."""

Outcome = Literal["answered", "failed", "cancelled"]
"""How an attempt ended: with a response of any status, without a usable one, or because the caller left."""

DedupResult = Literal["miss", "collapsed", "hit", "parted", "bypass"]
"""What deduplication did with a request: made the call for it, or gave it one that was in flight or kept; it went on
without those that it had waited with; or it wants, or must have, an answer of its own."""

CIRCUITS = ("closed", "open", "half_open")
"""The states of a breaker."""

COUNTED_ERRORS = tuple(code for code, error in ERRORS.items() if not issubclass(error, AdminError))
"""Those that a proxied request can end with."""

_STATUSES = range(100, 600)


class UpstreamTally:
    """The numbers of one upstream. `begin` and `end` come in pairs, one pair per request."""

    __slots__ = (
        "attempts",
        "buckets",
        "budget_exhausted",
        "circuit",
        "dedup",
        "errors",
        "exemplars",
        "in_flight",
        "not_replayable",
        "pace",
        "paced",
        "permits",
        "quota_limit",
        "quota_remaining",
        "rate_limit_buckets",
        "rate_limit_seconds",
        "rate_limited",
        "request_bytes",
        "requests",
        "response_bytes",
        "retries",
        "seconds",
    )

    def __init__(self) -> None:
        self.in_flight = 0
        self.requests: dict[tuple[str, int | str], int] = {}
        self.buckets = [0] * (len(BOUNDS) + 1)
        # The last request of each bucket.
        self.exemplars: list[Exemplar | None] = [None] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        # The state of the breaker by its name; None where there is no breaker.
        self.circuit: str | None = None
        self.request_bytes = 0
        self.response_bytes = 0
        # Present from the start at zero: a rate over a series that appears with its first error misses that error.
        self.attempts: dict[str, int] = dict.fromkeys(get_args(Outcome), 0)
        self.errors: dict[str, int] = dict.fromkeys(COUNTED_ERRORS, 0)
        self.dedup: dict[str, int] = dict.fromkeys(get_args(DedupResult), 0)
        self.retries: dict[str, int] = {}
        self.budget_exhausted = 0
        self.not_replayable = 0
        self.rate_limited = 0
        self.rate_limit_buckets = [0] * (len(BOUNDS) + 1)
        self.rate_limit_seconds = 0.0
        # What the upstream's answers say is left of its quota; None while none has said anything.
        self.quota_remaining: int | None = None
        # Asked when somebody looks: of how many that is what is left; how many wait for the rate limit; the limits by
        # what they are called, each with its burst and how much of it is left; and the limit of calls at once, how many
        # are under way and how many wait for one. None where there is no such limit.
        self.quota_limit: Callable[[], int | None] | None = None
        self.paced: Callable[[], int] | None = None
        self.pace: Callable[[], list[tuple[str, int, int]]] | None = None
        self.permits: Callable[[], tuple[int, int, int]] | None = None

    @property
    def coalesced(self) -> int:
        """Requests that were answered by another's call."""
        return self.dedup["collapsed"] + self.dedup["hit"]

    def begin(self) -> None:
        self.in_flight += 1

    def end(
        self,
        method: str,
        status: int,
        seconds: float,
        request_bytes: int,
        response_bytes: int,
        request_id: bytes = b"",
        trace_id: str = "",
    ) -> None:
        """Count a request with the status that its caller got; bytes are of content."""
        self.in_flight -= 1
        bucket = bisect_left(BOUNDS, seconds)
        self.buckets[bucket] += 1
        self.exemplars[bucket] = (seconds, request_id, trace_id)
        self.seconds += seconds
        self.request_bytes += request_bytes
        self.response_bytes += response_bytes
        try:
            self.requests[method, status] += 1
        except KeyError:
            self._first(method, status)

    def error(self, code: str) -> None:
        """Count an answer that Outrider made itself; `code` is one of `COUNTED_ERRORS`."""
        self.errors[code] += 1

    def attempt(self, outcome: Outcome) -> None:
        self.attempts[outcome] += 1

    def rate_limit_wait(self, seconds: float) -> None:
        """Count a wait for the rate limit that ended well."""
        self.rate_limit_buckets[bisect_left(BOUNDS, seconds)] += 1
        self.rate_limit_seconds += seconds

    def count_retries(self, reasons: Iterable[str]) -> None:
        """Begin to count retries for each of these reasons."""
        self.retries = dict.fromkeys(reasons, 0) | self.retries

    def _first(self, method: str, status: int) -> None:
        key = (method if method in METHODS else OTHER, status if status in _STATUSES else OTHER)
        self.requests[key] = self.requests.get(key, 0) + 1


class Tallies:
    """The tallies of all upstreams by name, of the requests that met none, of profiles' sessions and of the
    configuration; what happened. What was counted once stays: an upstream that a reload took away keeps its numbers.
    """

    __slots__ = ("_by_name", "configuration", "events", "hooks", "none", "sessions")

    def __init__(self, upstreams: Iterable[str], events: EventLog | None = None) -> None:
        self._by_name = {name: UpstreamTally() for name in upstreams}
        self.none = self._by_name.setdefault(NO_UPSTREAM, UpstreamTally())
        self.events = EventLog(wall) if events is None else events
        self.sessions = SessionTallies(self.events)
        self.hooks = HookTally()
        self.configuration = ConfigurationTally()

    def cover(self, upstreams: Iterable[str]) -> None:
        """Have a tally for each of these."""
        for name in upstreams:
            self._by_name.setdefault(name, UpstreamTally())

    def __getitem__(self, upstream: str) -> UpstreamTally:
        return self._by_name[upstream]

    def __iter__(self) -> Iterator[tuple[str, UpstreamTally]]:
        return iter(self._by_name.items())
