"""A caller's own limit on one request."""

import pytest

from proxy.errors import RateLimited
from proxy.message import Exchange, Response
from proxy.observe.tally import UpstreamTally
from proxy.policy.min_interval import LastCalls
from proxy.stages.min_interval import MinInterval
from tests.stages.contents import FedContent
from tests.stages.next_stage import exchange


class Answers:
    def __init__(self) -> None:
        self.count = 0

    async def send(self, exchange: Exchange) -> Response:
        self.count += 1
        return Response(200, b"", [])


class Under:
    def __init__(self) -> None:
        self.now = 100.0
        self.tally = UpstreamTally()
        self.inner = Answers()
        self.stage = MinInterval(LastCalls(), self.tally, lambda: self.now, self.inner)

    async def ask(self, interval: float = 2.0, method: str = "GET", content: bytes = b"", caller: str = "") -> None:
        made = exchange(method, caller)
        made.min_interval = interval
        if content:
            made.content = FedContent(content)
        await self.stage.send(made)


async def test_an_identical_request_within_the_interval_is_refused_and_told_when() -> None:
    under = Under()
    await under.ask()
    under.now += 0.5
    with pytest.raises(RateLimited) as caught:
        await under.ask()
    assert caught.value.retry_after == pytest.approx(1.5)
    assert (under.inner.count, under.tally.rate_limited) == (1, 1)


async def test_after_the_interval_it_goes() -> None:
    under = Under()
    await under.ask()
    under.now += 2.0
    await under.ask()
    assert under.inner.count == 2


async def test_a_refused_request_does_not_begin_the_interval_anew() -> None:
    under = Under()
    await under.ask()
    under.now += 1.5
    with pytest.raises(RateLimited):
        await under.ask()
    under.now += 0.5
    await under.ask()


async def test_other_methods_contents_and_callers_are_other_requests() -> None:
    under = Under()
    await under.ask()
    await under.ask(method="POST", content=b"a")
    await under.ask(method="POST", content=b"b")
    await under.ask(caller="another")
    with pytest.raises(RateLimited):
        await under.ask(method="POST", content=b"a")


async def test_who_does_not_ask_for_it_is_neither_held_nor_remembered() -> None:
    under = Under()
    await under.ask(interval=0)
    await under.ask(interval=0)
    await under.ask()
    await under.ask(interval=0)
    assert under.inner.count == 4
