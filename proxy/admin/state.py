"""Everything at a glance: one document for a status page or a terminal, asked for every second or so.

Counters count from the start of the process; who wants a rate takes the difference of two documents. What must not live
here: how anything in it is counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxy.admin.answer import AdminAnswer, document
from proxy.admin.profiles import ProfileView, profile_views
from proxy.admin.requests import InFlight, seen
from proxy.admin.routes import Ask, Route
from proxy.admin.subject import Subject
from proxy.errors import ERRORS
from proxy.observe.log import level_name
from proxy.observe.quantiles import quantile
from proxy.observe.tally import BOUNDS, NO_UPSTREAM, UpstreamTally

__all__ = ["State", "state_routes"]

MOST_REQUESTS = 100
MOST_ERRORS = 50


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from a request's head to the end of its answer, over the life of the process; `counts` are of requests,
    by the `latency_bounds` of the document and one more for what is above. Null while there was no request.
    """

    mean: float | None
    p50: float | None
    p90: float | None
    p99: float | None
    counts: list[int]


@dataclass(frozen=True, slots=True)
class Permits:
    """Calls at once to the upstream: how many may be, how many are, how many wait for one."""

    limit: int
    in_use: int
    waiting: int


@dataclass(frozen=True, slots=True)
class RateState:
    """A limit that counts everything to the upstream together: what is configured (`100/s`), how many may go at once
    after a pause, and how many could now.
    """

    rate: str
    burst: int
    room: int


@dataclass(frozen=True, slots=True)
class UpstreamState:
    """`statuses` are of answers to callers, by hundreds; `errors` those that Outrider made, by code, and `failed` these
    together with the upstream's own 5xx. `rate_waiting` is how many wait for a rate limit or the quota; null where
    there is none, as with `circuit`, `concurrency` and `quota_remaining`. `quota_limit` is of how many that remains,
    null where the upstream does not say. Requests that met no upstream are counted under the name `-`.
    """

    name: str
    url: str
    profile: str
    in_flight: int
    requests: int
    statuses: dict[str, int]
    errors: dict[str, int]
    failed: int
    attempts: dict[str, int]
    retries: dict[str, int]
    retry_budget_exhausted: int
    coalesced: int
    bytes_up: int
    bytes_down: int
    latency: Latency
    circuit: str | None
    concurrency: Permits | None
    rate_limits: list[RateState]
    rate_waiting: int | None
    rate_limited: int
    quota_remaining: int | None
    quota_limit: int | None


@dataclass(frozen=True, slots=True)
class State:
    """`at` and `started_at` are in seconds since the epoch. `requests` are the oldest of those in flight, `errors` the
    last ones of requests, newest first. `last_event` is where `/api/events` goes on from here (`Last-Event-ID`).
    """

    at: float
    started_at: float
    uptime: float
    phase: str
    reasons: list[str]
    build: dict[str, str]
    addresses: list[str]
    log_level: str
    in_flight: int
    in_flight_limit: int
    latency_bounds: list[float]
    upstreams: list[UpstreamState]
    profiles: list[ProfileView]
    requests: list[InFlight]
    errors: list[dict[str, Any]]
    last_event: int
    event_readers_dropped: int


def state_routes(subject: Subject) -> Iterator[Route]:
    began, began_at = subject.clock(), subject.wall()

    async def state(_: Ask) -> AdminAnswer:
        now = subject.clock()
        visits = subject.visits()
        events = subject.tallies.events
        found = State(
            at=round(subject.wall(), 3),
            started_at=round(began_at, 3),
            uptime=round(now - began, 3),
            phase=subject.health.phase,
            reasons=subject.health.reasons,
            build=dict(subject.facts),
            addresses=list(subject.addresses()),
            log_level=level_name(),
            in_flight=len(visits),
            in_flight_limit=subject.config().limits.in_flight,
            latency_bounds=list(BOUNDS),
            upstreams=list(_upstreams(subject)),
            profiles=list(profile_views(subject)),
            requests=[seen(visit, now) for visit in visits[:MOST_REQUESTS]],
            errors=[event.document() for event in reversed(events.since(0, "request")[-MOST_ERRORS:])],
            last_event=events.last,
            event_readers_dropped=events.dropped,
        )
        return document(200, found, State)

    yield Route("GET", "/api/state", state, "Everything at a glance.", gives=State)


def _upstreams(subject: Subject) -> Iterator[UpstreamState]:
    for name, upstream in subject.config().upstreams.items():
        yield _upstream(name, upstream.url, upstream.auth, subject.tallies[name])
    yield _upstream(NO_UPSTREAM, "", "", subject.tallies.none)


def _upstream(name: str, url: str, profile: str, tally: UpstreamTally) -> UpstreamState:
    errors = {code: count for code, count in tally.errors.items() if count}
    statuses = _by_hundreds(tally)
    # An error that came when the answer had begun is none of the 5xx that callers got.
    theirs = statuses.get("5xx", 0) - sum(count for code, count in errors.items() if ERRORS[code].status >= 500)
    return UpstreamState(
        name=name,
        url=url,
        profile=profile,
        in_flight=tally.in_flight,
        requests=sum(tally.buckets),
        statuses=statuses,
        errors=errors,
        failed=sum(errors.values()) + max(0, theirs),
        attempts=dict(tally.attempts),
        retries={reason: count for reason, count in tally.retries.items() if count},
        retry_budget_exhausted=tally.budget_exhausted,
        coalesced=tally.coalesced,
        bytes_up=tally.request_bytes,
        bytes_down=tally.response_bytes,
        latency=_latency(tally),
        circuit=tally.circuit,
        concurrency=None if tally.permits is None else Permits(*tally.permits()),
        rate_limits=[] if tally.pace is None else [RateState(*limit) for limit in tally.pace()],
        rate_waiting=None if tally.paced is None else tally.paced(),
        rate_limited=tally.rate_limited,
        quota_remaining=tally.quota_remaining,
        quota_limit=None if tally.quota_remaining is None or tally.quota_limit is None else tally.quota_limit(),
    )


def _by_hundreds(tally: UpstreamTally) -> dict[str, int]:
    found: dict[str, int] = {}
    for (_, status), count in tally.requests.items():
        hundred = f"{status // 100}xx" if isinstance(status, int) else status
        found[hundred] = found.get(hundred, 0) + count
    return found


def _latency(tally: UpstreamTally) -> Latency:
    total = sum(tally.buckets)
    p50, p90, p99 = (quantile(BOUNDS, tally.buckets, share) for share in (0.5, 0.9, 0.99))
    return Latency(tally.seconds / total if total else None, p50, p90, p99, list(tally.buckets))
