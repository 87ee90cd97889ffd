"""Calls at once, as the upstream counts them."""

import asyncio
import contextlib
from typing import Any

import pytest

from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import OK


class Ledger:
    """An upstream that knows how many requests it has at once. It answers when `let` has room for one."""

    def __init__(self, *, open_at_once: bool = False) -> None:
        self.let = asyncio.Semaphore(0)
        self.open_at_once = open_at_once
        self.now = 0
        self.most = 0
        self.order: list[bytes] = []
        self.arrived = asyncio.Condition()

    async def script(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            self.now += 1
            self.most = max(self.most, self.now)
            self.order.append(request.head.target)
            async with self.arrived:
                self.arrived.notify_all()
            try:
                if self.open_at_once:
                    await asyncio.sleep(0.002)
                else:
                    await self.let.acquire()
            finally:
                self.now -= 1
            await connection.send(OK)

    async def has(self, count: int) -> None:
        async with asyncio.timeout(5), self.arrived:
            await self.arrived.wait_for(lambda: len(self.order) >= count)


def limited(url: str, **concurrency: Any) -> dict[str, Any]:
    return facing(url, upstream={"retry": {"attempts": 1}, "concurrency": concurrency})


async def test_the_upstream_never_has_more_than_the_limit(outrider):
    ledger = Ledger(open_at_once=True)
    async with RawUpstream(ledger.script) as upstream:
        running = await outrider(limited(upstream.url, limit=3, max_wait="20s"))
        answers = await asyncio.gather(*(running.request(b"GET", b"/%d" % number) for number in range(60)))
        assert {answer.content for answer in answers} == {b"ok"}
        assert ledger.most == 3


async def test_those_who_wait_go_in_the_order_in_which_they_came(outrider):
    ledger = Ledger()
    async with RawUpstream(ledger.script) as upstream:
        running = await outrider(limited(upstream.url, limit=1))
        tasks = []
        for number in range(6):
            tasks.append(asyncio.create_task(running.request(b"GET", b"/%d" % number)))
            await running.has_in_flight(lambda count, all_so_far=number + 1: count >= all_so_far)
        for _ in range(6):
            ledger.let.release()
        await asyncio.gather(*tasks)
        assert ledger.order == [b"/%d" % number for number in range(6)]


async def test_a_full_line_answers_overloaded_and_those_in_it_are_served(outrider):
    ledger = Ledger()
    async with RawUpstream(ledger.script) as upstream:
        running = await outrider(limited(upstream.url, limit=1, queue=2))
        tasks = [asyncio.create_task(running.request()) for _ in range(3)]
        await running.has_in_flight(lambda count: count >= 3)
        answer = await running.request()
        assert (answer.status, answer.code) == (503, "overloaded")
        assert answer.problem()["stage"] == "concurrency"
        assert answer.get(b"retry-after") == b"1"
        for _ in range(3):
            ledger.let.release()
        assert [(await task).content for task in tasks] == [b"ok"] * 3


async def test_the_wait_is_told_in_milliseconds(outrider):
    ledger = Ledger()
    async with RawUpstream(ledger.script) as upstream:
        running = await outrider(limited(upstream.url, limit=1))
        first = asyncio.create_task(running.request())
        await ledger.has(1)
        second = asyncio.create_task(running.request())
        await running.has_in_flight(lambda count: count >= 2)
        await asyncio.sleep(0.03)
        ledger.let.release()
        ledger.let.release()
        assert (await first).get(b"proxy-status") is None
        name, _, queued = ((await second).get(b"proxy-status") or b"").partition(b"; queued=")
        assert name == b"outrider"
        assert 20 <= int(queued) <= 5000


async def test_who_waits_longer_than_the_longest_wait_is_refused(outrider):
    ledger = Ledger()
    async with RawUpstream(ledger.script) as upstream:
        running = await outrider(limited(upstream.url, limit=1, max_wait="30ms"))
        first = asyncio.create_task(running.request())
        await ledger.has(1)
        assert (await running.request()).code == "overloaded"
        ledger.let.release()
        assert (await first).content == b"ok"
        assert len(upstream.heads) == 1


async def test_a_caller_that_leaves_the_line_makes_room(outrider):
    ledger = Ledger()
    async with RawUpstream(ledger.script) as upstream:
        running = await outrider(limited(upstream.url, limit=1, queue=1))
        first = asyncio.create_task(running.request(b"GET", b"/first"))
        await ledger.has(1)
        async with await running.caller() as caller:
            await caller.send(running.head(b"GET", b"/left"))
            await running.has_in_flight(lambda count: count >= 2)
        await running.has_in_flight(lambda count: count == 1)
        third = asyncio.create_task(running.request(b"GET", b"/third"))
        await running.has_in_flight(lambda count: count >= 2)
        ledger.let.release()
        ledger.let.release()
        assert ((await first).content, (await third).content) == (b"ok", b"ok")
        assert ledger.order == [b"/first", b"/third"]


async def test_a_download_holds_its_place_until_its_last_byte(outrider):
    finish = asyncio.Event()

    async def script(connection: Connection) -> None:
        while True:
            request = await connection.request()
            if request.head.target == b"/long":
                await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
                await finish.wait()
                await connection.send(b"cd")
            else:
                await connection.send(OK)

    async with RawUpstream(script) as upstream:
        running = await outrider(limited(upstream.url, limit=1))
        long = asyncio.create_task(running.request(b"GET", b"/long"))
        async with asyncio.timeout(5):
            while not upstream.heads:
                await asyncio.sleep(0.001)
        short = asyncio.create_task(running.request())
        await running.has_in_flight(lambda count: count >= 2)
        await asyncio.sleep(0.02)
        assert upstream.targets == [b"/long"]
        finish.set()
        assert ((await long).content, (await short).content) == (b"abcd", b"ok")


async def test_callers_that_vanish_at_any_moment_leave_no_permit_behind(outrider, scale):
    ledger = Ledger(open_at_once=True)
    async with RawUpstream(ledger.script) as upstream:
        running = await outrider(limited(upstream.url, limit=2, max_wait="20s"))
        for number in range(scale(100, 1000)):
            async with await running.caller() as caller:
                await caller.send(running.head(b"GET", b"/%d" % number))
                for _ in range(number % 17):
                    await asyncio.sleep(0)
        await running.has_in_flight(lambda count: count == 0)
        async with asyncio.timeout(5):
            while ledger.now:  # the upstream does not see at once that a connection was cut
                await asyncio.sleep(0.001)
        ledger.most = 0
        answers = await asyncio.gather(*(running.request() for _ in range(20)))
        assert {answer.content for answer in answers} == {b"ok"}
        assert ledger.most == 2


async def test_a_routes_own_limit_stands_within_the_upstreams(outrider):
    ledger = Ledger()
    async with RawUpstream(ledger.script) as upstream:
        config = limited(upstream.url, limit=2)
        config["upstreams"]["api"]["routes"] = [{"match": "GET /slow", "concurrency": {"limit": 1}}]
        running = await outrider(config)
        slow = [asyncio.create_task(running.request(b"GET", b"/slow")) for _ in range(3)]
        await ledger.has(1)
        quick = asyncio.create_task(running.request(b"GET", b"/quick"))
        await ledger.has(2)
        assert sorted(ledger.order) == [b"/quick", b"/slow"]
        for _ in range(4):
            ledger.let.release()
        await asyncio.gather(*slow, quick)
        assert ledger.most == 2


@pytest.mark.parametrize("bearable", [4])
async def test_an_adaptive_limit_comes_down_to_what_the_upstream_bears(outrider, bearable):
    load = 0
    refused: list[bool] = []

    async def script(connection: Connection) -> None:
        nonlocal load
        while True:
            await connection.request()
            load += 1
            over = load > bearable
            refused.append(over)
            with contextlib.suppress(ConnectionError):
                await asyncio.sleep(0.005)
            load -= 1
            await connection.send(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n" if over else OK)

    async with RawUpstream(script) as upstream:
        running = await outrider(limited(upstream.url, limit=50, queue=1000, max_wait="30s", adaptive=True))
        await asyncio.gather(*(running.request() for _ in range(400)))
        # It starts at 10 and refuses six of these; once it has come down, few are over.
        assert sum(refused[:20]) > 6
        assert sum(refused[-200:]) < 80
