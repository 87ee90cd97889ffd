"""Server-Timing: tells the caller where the time went until the answer's head (W3C Server Timing).

Outermost, so that it speaks of the whole request. What must not live here: measuring.
"""

from proxy.clock import Clock
from proxy.message import Exchange, Response, Stage

__all__ = ["ServerTiming", "server_timing"]


class ServerTiming:
    """Adds a line of its own to the upstream's; durations are in milliseconds, what did not wait is left out."""

    __slots__ = ("_clock", "_next")

    def __init__(self, clock: Clock, inner: Stage) -> None:
        self._clock = clock
        self._next = inner

    async def send(self, exchange: Exchange) -> Response:
        response = await self._next.send(exchange)
        response.lines = [*response.lines, server_timing(exchange, self._clock())]
        return response


def server_timing(exchange: Exchange, now: float) -> bytes:
    """The line. `now` is on the clock by which the exchange began."""
    metrics = [b"outrider;dur=%.3f" % ((now - exchange.started) * 1000)]
    waits = ((b"queue", exchange.queued), (b"auth", exchange.auth_wait), (b"upstream", exchange.first_byte))
    metrics += [b"%b;dur=%.3f" % (name, seconds * 1000) for name, seconds in waits if seconds]
    metrics.append(b'attempts;desc="%d"' % exchange.attempts)
    return b"Server-Timing: " + b", ".join(metrics)
