"""Tracing: when the spans of a request and of its attempts begin and end.

There only where tracing is on. What must not live here: what is in a span (`proxy.observe.tracing`).
"""

import asyncio
from dataclasses import dataclass

from proxy.errors import OutriderError
from proxy.message import Exchange, Response, Stage
from proxy.message.ending import when_ended
from proxy.message.trace import Tracer

__all__ = ["TracedAttempt", "TracedPlace", "TracedRequest"]

_CALLER_GONE = 499


@dataclass(frozen=True, slots=True)
class TracedPlace:
    """The upstream and the route that spans name; `url` is the upstream's, `profile` the route's.

    `prefix` is what was taken off the caller's path; `route` begins with it.
    """

    upstream: str
    route: str
    url: str
    profile: str
    prefix: str = ""


class TracedRequest:
    """The span of a request: from its head to the end of its answer's content."""

    __slots__ = ("_next", "_place", "_tracer")

    def __init__(self, tracer: Tracer, place: TracedPlace, inner: Stage) -> None:
        self._tracer = tracer
        self._place = place
        self._next = inner

    async def send(self, exchange: Exchange) -> Response:
        trace = exchange.trace = self._tracer.begin(exchange, self._place)
        try:
            response = await self._next.send(exchange)
        except OutriderError as error:
            trace.end(exchange, error.status, error.code)
            raise
        except asyncio.CancelledError:
            trace.end(exchange, _CALLER_GONE, "cancelled")
            raise
        status = response.status
        when_ended(response, lambda: trace.end(exchange, status))
        return response


class TracedAttempt:
    """The span of an attempt: until its answer's head."""

    __slots__ = ("_next",)

    def __init__(self, inner: Stage) -> None:
        self._next = inner

    async def send(self, exchange: Exchange) -> Response:
        trace = exchange.trace
        if trace is None:
            return await self._next.send(exchange)
        attempt = trace.attempt(exchange)
        try:
            response = await self._next.send(exchange)
        except OutriderError as error:
            attempt.end(0, error.code)
            raise
        except asyncio.CancelledError:
            attempt.end(0, "cancelled")
            raise
        attempt.end(response.status)
        return response
