"""A second call for a slow first one, on real connections."""

import asyncio

import pytest

from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import OK, answers

HEDGE = {"after": "30ms"}


class Stuck:
    """The first call on `/stuck…` never answers; every other call does at once."""

    def __init__(self) -> None:
        self.stuck: list[Connection] = []

    async def script(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            if request.head.target == b"/stuck" and not self.stuck:
                self.stuck.append(connection)
                await connection.gone()
                return
            await connection.send(OK)


def hedged(url: str, **upstream: object) -> dict[str, object]:
    return facing(url, upstream={"retry": {"attempts": 1}, "hedge": HEDGE, **upstream})


async def test_a_stuck_connection_is_passed_by_and_freed(outrider):
    stuck = Stuck()
    async with RawUpstream(stuck.script) as upstream:
        running = await outrider(hedged(upstream.url))
        answer = await running.request(b"GET", b"/stuck")
        assert answer.content == b"ok"
        assert answer.get(b"proxy-status") == b"outrider; attempts=2; hedged"
        assert upstream.targets == [b"/stuck", b"/stuck"]
        async with asyncio.timeout(5):
            await stuck.stuck[0].ended.wait()


async def test_both_calls_carry_the_credential(outrider):
    stuck = Stuck()
    async with RawUpstream(stuck.script) as upstream:
        running = await outrider(hedged(upstream.url))
        await running.request(b"GET", b"/stuck")
        first, second = (
            [value for name, value in head.fields if name.lower() == b"authorization"] for head in upstream.heads
        )
        assert first == second
        assert len(first) == 1


async def test_a_quick_upstream_sees_each_request_once(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(hedged(upstream.url, hedge={"after": "2s"}))
        for _ in range(20):
            assert (await running.request()).get(b"proxy-status") is None
        assert len(upstream.heads) == 20


async def test_a_slow_upstream_is_sent_at_most_one_call_more_and_the_first_answer_counts(outrider):
    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await asyncio.sleep(0.2)
            await connection.send(OK)

    async with RawUpstream(script) as upstream:
        running = await outrider(hedged(upstream.url))
        assert (await running.request()).content == b"ok"
        await running.has_in_flight(lambda count: count == 0)
        assert len(upstream.heads) == 2


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE"])
async def test_a_request_that_changes_something_is_never_hedged(outrider, method):
    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await asyncio.sleep(0.15)
            await connection.send(OK)

    async with RawUpstream(script) as upstream:
        running = await outrider(hedged(upstream.url))
        assert (await running.request(method)).content == b"ok"
        assert len(upstream.heads) == 1


async def test_hedges_are_bounded_by_the_budget_of_retries(outrider):
    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await asyncio.sleep(0.3)
            await connection.send(OK)

    async with RawUpstream(script) as upstream:
        running = await outrider(hedged(upstream.url, retry={"attempts": 1, "budget": {"ratio": "20%", "min": 3}}))
        await asyncio.gather(*(running.request() for _ in range(40)))
        assert len(upstream.heads) <= 48


async def test_a_hedge_respects_the_limit_of_calls_at_once(outrider):
    stuck = Stuck()
    async with RawUpstream(stuck.script) as upstream:
        running = await outrider(hedged(upstream.url, concurrency={"limit": 2}))
        for _ in range(3):
            assert (await running.request(b"GET", b"/stuck")).content == b"ok"
        # The permit of the stuck call came back, so two may go on.
        both = await asyncio.gather(running.request(), running.request())
        assert [answer.content for answer in both] == [b"ok", b"ok"]


async def test_p95_learns_what_is_usual(outrider):
    stuck = Stuck()
    async with RawUpstream(stuck.script) as upstream:
        running = await outrider(hedged(upstream.url, hedge={}))
        for _ in range(40):
            await running.request()
        before = len(upstream.heads)
        answer = await running.request(b"GET", b"/stuck")
        assert answer.content == b"ok"
        assert len(upstream.heads) == before + 2


async def test_a_caller_that_leaves_ends_both_calls(outrider):
    held: list[Connection] = []
    both = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        held.append(connection)
        if len(held) == 2:
            both.set()
        await connection.gone()

    async with RawUpstream(script) as upstream:
        running = await outrider(hedged(upstream.url))
        async with await running.caller() as caller:
            await caller.send(running.head())
            async with asyncio.timeout(5):
                await both.wait()
        async with asyncio.timeout(5):
            for connection in held:
                await connection.ended.wait()
        await running.has_in_flight(lambda count: count == 0)
