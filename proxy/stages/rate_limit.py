"""Rate limit: what goes on the wire goes at the pace that is configured, and that the upstream's answers allow.

Next to the wire, so that retries and replays count like any other attempt. A request takes its place in all of its
buckets at once: the upstream's own quota, as far as it is known, the limits of the upstream and those of its route.
What must not live here: waiting (`proxy.stages.pace`), what answers say (`proxy.policy.quota_fields`).
"""

from collections.abc import Awaitable, Callable, Sequence

from proxy.clock import Clock
from proxy.errors import RateLimited
from proxy.message import Exchange, Response, Stage
from proxy.observe.tally import UpstreamTally
from proxy.policy.fingerprint import LARGEST, field_key, fingerprint
from proxy.policy.limits import KeyedBuckets, Limit, Terms, Throttle
from proxy.policy.quota import Quota
from proxy.policy.quota_fields import read_quota
from proxy.policy.retry_after import http_date
from proxy.stages.held_content import hold
from proxy.stages.pace import Pace

__all__ = ["Key", "KeyedLimit", "RateLimit", "caller_key", "content_key", "value_key"]

_LAG = 0.01
"""Seconds by which an answer may be read later than it was meant, and a loop's clock be behind."""

Key = Callable[[Exchange], Awaitable[bytes | str]]
"""Tells requests apart that a limit counts apart."""


async def caller_key(exchange: Exchange) -> str:
    return exchange.caller


async def content_key(exchange: Exchange) -> bytes:
    return fingerprint(exchange, await hold(exchange, LARGEST))


def value_key(name: bytes) -> Key:
    async def key(exchange: Exchange) -> bytes:
        return field_key(exchange, name)

    return key


class KeyedLimit:
    """A limit with a bucket for each key."""

    __slots__ = ("buckets", "key", "limit")

    def __init__(self, limit: Limit, key: Key) -> None:
        self.limit = limit
        self.key = key
        self.buckets = KeyedBuckets(limit)


class RateLimit:
    """`buckets` and `terms` are those of every request of the route, in the same order; `keyed` come on top.

    `quota` is what the upstream's answers teach, None where nothing is learned. `wall` is in seconds since the epoch.
    """

    __slots__ = (
        "_buckets",
        "_clock",
        "_dates",
        "_keyed",
        "_next",
        "_only_learns",
        "_pace",
        "_quota",
        "_tally",
        "_terms",
        "_wall",
    )

    def __init__(
        self,
        pace: Pace,
        throttles: Sequence[tuple[Throttle, Terms]],
        keyed: Sequence[KeyedLimit],
        quota: Quota | None,
        tally: UpstreamTally,
        clocks: tuple[Clock, Clock],
        inner: Stage,
    ) -> None:
        self._pace = pace
        self._buckets = tuple(throttle for throttle, _ in throttles)
        self._terms = tuple(terms for _, terms in throttles)
        self._keyed = tuple(keyed)
        self._quota = quota
        self._only_learns = not keyed and self._buckets == (quota,)
        self._tally = tally
        self._clock, self._wall = clocks
        self._next = inner
        self._dates = (b"", 0.0)

    async def send(self, exchange: Exchange) -> Response:
        quota = self._quota
        # Nearly all: nothing is limited, and the upstream has never said anything of a quota.
        if self._only_learns and quota is not None and quota.quiet:
            number = quota.pass_by()
        else:
            buckets, terms = self._buckets, self._terms
            if self._keyed:
                for limited in self._keyed:
                    buckets = (*buckets, limited.buckets.get(await limited.key(exchange)))
                    terms = (*terms, limited.limit)
            if not self._pace.admit(buckets):
                await self._wait(exchange, buckets, terms)
            if quota is None:
                return await self._next.send(exchange)
            number = quota.depart()
        response = await self._next.send(exchange)
        if response.quota is not None:
            self._learn(quota, number, response, response.quota)
        elif not quota.quiet:
            quota.answered(number)
            self._pace.serve()
        return response

    async def _wait(self, exchange: Exchange, buckets: tuple[Throttle, ...], terms: tuple[Terms, ...]) -> None:
        try:
            self._tally.rate_limit_wait(await self._pace.wait(exchange, buckets, terms))
        except RateLimited:
            self._tally.rate_limited += 1
            raise

    def _learn(self, quota: Quota, number: int, response: Response, lines: Sequence[bytes]) -> None:
        reading = read_quota(lines, response.status, self._upstreams_time(response))
        now = self._clock()
        quota.learn(number, reading, now + _LAG)
        self._tally.quota_remaining = quota.remaining(now)
        self._pace.serve()

    def _upstreams_time(self, response: Response) -> float:
        """By the answer's `Date`: a reset is a moment of the upstream's clock, and ours may differ from it."""
        date = response.get(b"date")
        if date is None:
            return self._wall()
        if date != self._dates[0]:
            self._dates = date, http_date(date) or self._wall()
        return self._dates[1]
