"""Builds the stage that keeps the pace: the upstream's limits and quota, which all its routes share, and a route's own.

A route's limits stand beside the upstream's: what the route sends is sent to the upstream as well.
"""

from collections.abc import Sequence

from proxy.chain.context import Context, route_name
from proxy.clock import wall
from proxy.config.model import overlaid
from proxy.config.rate_model import FIELD_KEY, QuotaPolicy, RateLimitPolicy, as_list, format_rate
from proxy.message import Stage
from proxy.observe.events import EventLog
from proxy.policy.bucket import Bucket
from proxy.policy.limits import Limit, QuotaTerms, Terms, Throttle
from proxy.policy.quota import Quota
from proxy.policy.routing import RouteEntry
from proxy.stages.pace import Pace
from proxy.stages.rate_limit import Key, KeyedLimit, RateLimit, caller_key, content_key, value_key

__all__ = ["rate_limit"]


class _Limits:
    """Those of an upstream or of a route: `plain` count everything together, `keyed` by a key."""

    def __init__(self, policies: Sequence[RateLimitPolicy], whole: str) -> None:
        self.plain: list[tuple[Bucket, Limit]] = []
        self.keyed: list[KeyedLimit] = []
        taken = set[str]()
        for policy in policies:
            limit = Limit.of(policy, _free_name(policy.key or whole, taken))
            if policy.key is None:
                self.plain.append((limit.bucket(), limit))
            else:
                self.keyed.append(KeyedLimit(limit, _key(policy.key)))


class _Teller:
    """Tells readers of events when the upstream's quota begins to hold requests."""

    def __init__(self, upstream: str, events: EventLog) -> None:
        self._upstream = upstream
        self._events = events

    def tell(self, seconds: float) -> None:
        self._events.publish("quota.held", upstream=self._upstream, seconds=round(seconds, 3))


class _Shared:
    """What all routes of an upstream share."""

    def __init__(self, entry: RouteEntry, context: Context) -> None:
        self.limits = _Limits(as_list(entry.upstream.config.rate_limit), "upstream")
        name, events = entry.upstream.name, context.tallies.events
        self.quota = context.shared(name, Quota, lambda: Quota(_Teller(name, events).tell), basis="learned")
        self.pace = Pace(tuple(bucket for bucket, _ in self.limits.plain), context.loop)
        self._clock = context.loop.time

    def told(self) -> list[tuple[str, int, int]]:
        """The limits that count everything together: what is configured, the burst, how much of it is left."""
        now = self._clock()
        return [(format_rate(limit.rate), limit.burst, bucket.room(now)) for bucket, limit in self.limits.plain]

    def quota_limit(self) -> int | None:
        return self.quota.limit(self._clock())


def rate_limit(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    policies = as_list(entry.upstream.config.rate_limit)
    shared = context.shared(entry.upstream.name, _Shared, lambda: _Shared(entry, context), basis=policies)
    routes = as_list(entry.route.rate_limit if entry.route is not None else None)
    own = context.shared(route_name(entry), _Limits, lambda: _Limits(routes, "route"), basis=routes)
    quota = _quota_policy(entry)
    throttles: list[tuple[Throttle, Terms]] = [*shared.limits.plain, *own.plain]
    if quota.learn:
        throttles.insert(0, (shared.quota, QuotaTerms(quota.max_wait)))
    keyed = [*shared.limits.keyed, *own.keyed]
    if not throttles and not keyed:
        return inner
    tally = context.tallies[entry.upstream.name]
    tally.paced, tally.pace = shared.pace.__len__, shared.told
    tally.quota_limit = shared.quota_limit if quota.learn else None
    clocks = (context.loop.time, wall)
    return RateLimit(shared.pace, throttles, keyed, shared.quota if quota.learn else None, tally, clocks, inner)


def _quota_policy(entry: RouteEntry) -> QuotaPolicy:
    upstreams = entry.upstream.config.quota
    return overlaid(upstreams, entry.route.quota if entry.route is not None else None) or upstreams


def _key(key: str) -> Key:
    if key == "caller":
        return caller_key
    if key == "fingerprint":
        return content_key
    return value_key(key.removeprefix(FIELD_KEY).lower().encode())


def _free_name(name: str, taken: set[str]) -> str:
    """`name`, or with a number where several limits of one kind stand side by side."""
    name = "field" if name.startswith(FIELD_KEY) else name
    free = name if name not in taken else f"{name}-{sum(other.startswith(name) for other in taken) + 1}"
    taken.add(free)
    return free
