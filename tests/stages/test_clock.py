import pytest

from proxy.message import Exchange, Response
from proxy.stages.clock import ClockStage


class Slow:
    def __init__(self) -> None:
        self.now = 10.0
        self.takes = 0.5

    def clock(self) -> float:
        return self.now

    async def send(self, exchange: Exchange) -> Response:
        self.now += self.takes
        return Response(200, b"", [])


async def test_the_time_until_an_answers_head_is_noted_for_the_last_attempt() -> None:
    slow = Slow()
    stage = ClockStage(slow.clock, slow)
    exchange = Exchange("GET", b"/", [], b"id", 0.0)
    await stage.send(exchange)
    slow.takes = 0.25
    await stage.send(exchange)
    assert exchange.first_byte == pytest.approx(0.25)
