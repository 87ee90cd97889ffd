"""Transport: the innermost stage. Writes the request on a connection and brings the response back.

What must not live here: sockets (`proxy.upstream`), what a head holds (`proxy.policy`).
"""

from proxy.clock import Clock
from proxy.errors import OutriderError, UpstreamDisconnected
from proxy.message import Exchange, Response
from proxy.observe.tally import Outcome, UpstreamTally
from proxy.policy.incoming import IncomingRules
from proxy.policy.outgoing import OutgoingRules
from proxy.stages.signature import Signature
from proxy.upstream.connection import UpstreamConnection
from proxy.upstream.limits import Limits
from proxy.upstream.pool import ConnectionPool

__all__ = ["Transport"]

_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


class Transport:
    """`outgoing` encodes heads with the profile's credential, `bare` those of callers that asked for none.

    `clock` is read where somebody is told how long the upstream takes: from the moment in which the attempt takes a
    connection, or opens one, to the head of the answer.
    """

    __slots__ = ("_bare", "_clock", "_incoming", "_limits", "_outgoing", "_pool", "_tally")

    def __init__(
        self,
        pool: ConnectionPool,
        outgoing: OutgoingRules,
        bare: OutgoingRules,
        incoming: IncomingRules,
        limits: Limits,
        tally: UpstreamTally,
        clock: Clock | None = None,
    ) -> None:
        self._pool = pool
        self._outgoing = outgoing
        self._bare = bare
        self._incoming = incoming
        self._limits = limits
        self._tally = tally
        self._clock = clock

    async def send(self, exchange: Exchange) -> Response:
        exchange.attempts += 1
        clock = self._clock
        began = 0.0 if clock is None else clock()
        head = (self._outgoing if exchange.wants_auth else self._bare).encode(exchange)
        connection = self._pool.take()
        response: Response | None = None
        outcome: Outcome = "cancelled"
        try:
            if connection is None:
                connection = await self._pool.open(self._limits.connect, exchange.deadline)
            response = await connection.ask(head, exchange, self._limits)
            outcome = "answered"
        except UpstreamDisconnected:
            outcome = "failed"
            if connection is None or not _was_stale(connection, exchange):
                raise
        except OutriderError:
            outcome = "failed"
            raise
        finally:
            self._tally.attempt(outcome)
        if response is None:
            response = await self._ask_anew(head, exchange)
        if clock is not None:
            exchange.first_byte = clock() - began
        if response.rewritable is not None or self._incoming.edits:
            self._turn_homeward(response, exchange)
        return response

    async def _ask_anew(self, head: bytes, exchange: Exchange) -> Response:
        """One extra try, on a connection that is new or has only just come free; not charged to the attempts."""
        if isinstance(exchange.injection, Signature):
            # What went out with the connection may have been read: it would be taken for a replay.
            exchange.injection.renew(exchange)
            head = self._outgoing.encode(exchange)
        outcome: Outcome = "cancelled"
        try:
            connection = await self._pool.open(self._limits.connect, exchange.deadline)
            response = await connection.ask(head, exchange, self._limits)
            outcome = "answered"
        except OutriderError:
            outcome = "failed"
            raise
        finally:
            self._tally.attempt(outcome)
        return response

    def _turn_homeward(self, response: Response, exchange: Exchange) -> None:
        incoming = self._incoming
        if response.rewritable is not None:
            lines = response.lines
            for index in response.rewritable:
                lines[index] = incoming.rewrite(lines[index], exchange)
        if incoming.edits:
            response.lines = incoming.edit(response.lines)


def _was_stale(connection: UpstreamConnection, exchange: Exchange) -> bool:
    """A kept-alive connection that the upstream closed in the moment of use (RFC 9112 §9.3.1)."""
    return connection.was_stale and exchange.method in _SAFE and exchange.content is None
