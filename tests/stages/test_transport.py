from typing import cast

import pytest

from proxy.message import Exchange, Response
from proxy.observe.tally import UpstreamTally
from proxy.policy.incoming import IncomingRules
from proxy.policy.outgoing import OutgoingRules
from proxy.stages.transport import Transport
from proxy.upstream.limits import Limits
from proxy.upstream.pool import ConnectionPool


class Slow:
    """A pool, a connection and the rules of a head, all in one; an answer takes `takes` seconds."""

    edits = False

    def __init__(self) -> None:
        self.now = 10.0
        self.takes = 0.5

    def clock(self) -> float:
        return self.now

    def take(self) -> "Slow":
        return self

    def encode(self, _: Exchange) -> bytes:
        return b""

    async def ask(self, *_: object) -> Response:
        self.now += self.takes
        return Response(200, b"", [])


def transport(slow: Slow, *, timed: bool) -> Transport:
    rules = cast(OutgoingRules, slow)
    limits = Limits(1.0, 1.0, 1.0)
    pool, incoming = cast(ConnectionPool, slow), cast(IncomingRules, slow)
    return Transport(pool, rules, rules, incoming, limits, UpstreamTally(), slow.clock if timed else None)


async def test_the_time_until_an_answers_head_is_noted_for_the_last_attempt() -> None:
    slow = Slow()
    stage = transport(slow, timed=True)
    exchange = Exchange("GET", b"/", [], b"id", 0.0)
    await stage.send(exchange)
    slow.takes = 0.25
    await stage.send(exchange)
    assert exchange.first_byte == pytest.approx(0.25)
    assert exchange.attempts == 2


async def test_no_time_is_noted_where_nobody_is_told() -> None:
    exchange = Exchange("GET", b"/", [], b"id", 0.0)
    await transport(Slow(), timed=False).send(exchange)
    assert exchange.first_byte == 0.0
