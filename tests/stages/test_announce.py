import asyncio

import pytest

from proxy.message import Exchange, Response
from proxy.stages.announce import Announce
from proxy.stages.replay import Replay
from proxy.stages.spool import SpoolCaps
from tests.auth.tools import FakeClock
from tests.stages.contents import FedContent


class Wire:
    """Answers with `statuses` in turn; reads the content where `reads`, after `wait` seconds of `clock`."""

    def __init__(self, clock: FakeClock, *statuses: int, reads: bool = True, wait: float = 0.0) -> None:
        self.clock = clock
        self.statuses = list(statuses)
        self.reads = reads
        self.wait = wait
        self.announced: list[bool] = []
        self.contents: list[bytes] = []

    async def send(self, exchange: Exchange) -> Response:
        self.announced.append(exchange.expects_continue)
        if self.reads and exchange.content is not None:
            self.clock.now += self.wait
            exchange.content.proceed()
            content = b""
            while piece := await exchange.content.read():
                content += piece
            self.contents.append(content)
        return Response(self.statuses.pop(0) if self.statuses else 200, b"", [])


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def upload(length: int | None = 10) -> Exchange:
    exchange = Exchange("PUT", b"/", [], b"1", 0.0)
    exchange.content = FedContent(b"x" * 5, b"y" * 5, length=length)
    return exchange


@pytest.mark.parametrize(("length", "announced"), [(9, False), (10, True), (None, True)])
async def test_large_content_is_announced(clock: FakeClock, length: int | None, announced: bool) -> None:
    wire, exchange = Wire(clock), upload(length)
    content = exchange.content
    await Announce(10, clock, wire).send(exchange)
    assert (wire.announced, wire.contents) == ([announced], [b"xxxxxyyyyy"])
    assert (exchange.expects_continue, exchange.content) == (False, content)


async def test_an_upstream_that_lets_the_wait_run_out_is_not_asked_again_for_a_while(clock: FakeClock) -> None:
    wire = Wire(clock, wait=1.0)
    stage = Announce(10, clock, wire)
    await stage.send(upload())
    await stage.send(upload())
    clock.now += 601
    wire.wait = 0.0
    await stage.send(upload())
    await stage.send(upload())
    assert wire.announced == [True, False, True, True]


async def test_one_that_does_not_like_it_gets_the_request_without(clock: FakeClock) -> None:
    wire, exchange = Wire(clock, 417, reads=False), upload()
    stage = Announce(10, clock, wire)
    response = await stage.send(exchange)
    wire.reads = True
    await stage.send(upload())
    assert (response.status, wire.announced) == (200, [True, False, False])


@pytest.mark.parametrize("kept", [True, False])
async def test_after_content_has_gone_out_the_request_is_repeated_only_where_it_is_kept(
    clock: FakeClock, kept: bool
) -> None:
    wire, exchange = Wire(clock, 417), upload()
    if kept:
        assert exchange.content is not None
        exchange.content = Replay(exchange.content, SpoolCaps(100, 100)).attempt()
    response = await Announce(10, clock, wire).send(exchange)
    assert response.status == (200 if kept else 417)
    assert wire.contents == [b"xxxxxyyyyy"] * (2 if kept else 1)


async def test_a_caller_that_announces_by_itself_keeps_its_word(clock: FakeClock) -> None:
    wire, exchange = Wire(clock, 417), upload()
    exchange.expects_continue = True
    assert (await Announce(10, clock, wire).send(exchange)).status == 417
    assert exchange.expects_continue


async def test_a_caller_that_leaves_gets_its_content_back(clock: FakeClock) -> None:
    exchange = upload()
    exchange.content = content = FedContent(length=10)
    sending = asyncio.ensure_future(Announce(10, clock, Wire(clock)).send(exchange))
    await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert exchange.content is content
