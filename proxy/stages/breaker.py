"""Breaker: fails at once while the upstream is being left alone, and tells the breaker what became of each call.

Stands outside the limits, so that it refuses before anything queues, and inside the credential, so that a sick token
endpoint opens no circuit of the API's. What must not live here: when a circuit opens (`proxy.policy.breaker`).
"""

from proxy.clock import Clock
from proxy.errors import CircuitOpen, DeadlineExceeded, UpstreamError
from proxy.message import Exchange, Response, Stage
from proxy.policy.blame import is_upstreams_delay
from proxy.policy.breaker import REFUSED, Breaker

__all__ = ["BreakerStage"]


class BreakerStage:
    """`total` is the route's own limit in seconds, 0 for none.

    Failures: the upstream could not be reached, broke off before its answer, was too slow, or answered 5xx. Any other
    answer is a success, but 429 and everything that Outrider itself refuses say nothing of the upstream's health.
    """

    __slots__ = ("_breaker", "_clock", "_next", "_total")

    def __init__(self, breaker: Breaker, clock: Clock, total: float, inner: Stage) -> None:
        self._breaker = breaker
        self._clock = clock
        self._total = total
        self._next = inner

    async def send(self, exchange: Exchange) -> Response:
        breaker = self._breaker
        ticket = breaker.admit(self._clock())
        if ticket == REFUSED:
            raise CircuitOpen(
                "Too many calls to the upstream failed, so it is being left alone for a while.",
                retry_after=breaker.retry_after(self._clock()),
            )
        attempts = exchange.attempts
        try:
            response = await self._next.send(exchange)
        except UpstreamError:
            breaker.fail(ticket, self._clock())
            raise
        except DeadlineExceeded:
            if is_upstreams_delay(exchange, attempts, self._total):
                breaker.fail(ticket, self._clock())
            else:
                breaker.exclude(ticket)
            raise
        except BaseException:
            # Refused inside, or cancelled: says nothing of the upstream.
            breaker.exclude(ticket)
            raise
        breaker.answered(ticket, response.status, self._clock())
        return response
