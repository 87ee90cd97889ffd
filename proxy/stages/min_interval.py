"""Min interval: a caller's own limit on one request, `Outrider-Min-Interval`: not more often than it says.

It guards against the same thing being done twice (a double click, a loop that runs wild), so it refuses at once and
never makes a request wait: what waited would be done twice after all. Outside retry, whose further attempts are the
same request; inside coalesce, which answers it without another call. What must not live here: what identical is
(`proxy.policy.fingerprint`).
"""

from collections.abc import Coroutine
from typing import Any

from proxy.clock import Clock
from proxy.errors import RateLimited
from proxy.message import Exchange, Response, Stage
from proxy.observe.tally import UpstreamTally
from proxy.policy.fingerprint import LARGEST, fingerprint
from proxy.policy.min_interval import LastCalls
from proxy.stages.held_content import hold

__all__ = ["MinInterval"]


class MinInterval:
    """Looks only at requests that carry the field. Callers do not limit each other."""

    __slots__ = ("_clock", "_last", "_next", "_tally")

    def __init__(self, last: LastCalls, tally: UpstreamTally, clock: Clock, inner: Stage) -> None:
        self._last = last
        self._tally = tally
        self._clock = clock
        self._next = inner

    def send(self, exchange: Exchange) -> Coroutine[Any, Any, Response]:
        # No coroutine of its own around those that do not carry the field: nearly all of them.
        return self._judge(exchange) if exchange.min_interval else self._next.send(exchange)

    async def _judge(self, exchange: Exchange) -> Response:
        key = exchange.caller, fingerprint(exchange, await hold(exchange, LARGEST))
        try:
            self._last.make(key, exchange.min_interval, self._clock())
        except RateLimited:
            self._tally.rate_limited += 1
            raise
        return await self._next.send(exchange)
