"""A stop under way: every answer reaches its caller, and kept-alive callers learn that the connection ends."""

import asyncio
import contextlib
import socket

import pytest

from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import answers


async def test_a_kept_alive_caller_is_told_with_its_next_answer(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            await caller.send(running.head())
            assert (await caller.answer()).get(b"connection") is None
            draining = asyncio.create_task(running.daemon.drain(5))
            await asyncio.sleep(0)
            await caller.send(running.head())
            answer = await caller.answer()
            assert (answer.status, answer.get(b"connection")) == (200, b"close")
            assert await asyncio.wait_for(draining, 10)


async def test_an_answer_that_its_caller_reads_late_is_whole_all_the_same(outrider):
    size = 6_000_000
    data = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"a" * size
    async with RawUpstream(answers(data)) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            await caller.send(running.head())
            await running.has_in_flight(lambda count: count == 1)
            draining = asyncio.create_task(running.daemon.drain(10))
            await asyncio.sleep(0)
            answer = await caller.answer(timeout=10)
            assert (answer.whole, len(answer.content)) == (True, size)
            assert await asyncio.wait_for(draining, 10)


async def test_who_never_reads_is_cut_at_the_limit_and_counted(outrider):
    size = 30_000_000
    data = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"a" * size
    async with RawUpstream(answers(data)) as upstream:
        running = await outrider(facing(upstream.url))
        with socket.create_connection(("127.0.0.1", running.port)) as caller:
            caller.sendall(running.head())
            await running.has_in_flight(lambda count: count == 1)
            assert not await asyncio.wait_for(running.daemon.drain(0.2), 10)


async def test_bytes_that_are_there_at_the_first_moment_meet_every_rule(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        for _ in range(20):
            odd = await running.raw(running.head(b"BREW", b"/").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert b" 200 " in odd.split(b"\r\n")[0]
            large = running.head().replace(b"\r\n\r\n", b"\r\nX: " + b"a" * 20_000 + b"\r\n\r\n")
            assert b" 431 " in (await running.raw(large)).split(b"\r\n")[0]


async def test_a_head_behind_a_request_under_way_meets_the_cap_too(outrider):
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 2000) for number in range(20))
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            await caller.send(running.head() + running.head(b"GET", b"/two")[:-2] + fields + b"\r\n")
            assert (await caller.answer()).status == 200
            assert (await caller.answer()).status == 431
        assert b"/two" not in upstream.targets


async def test_new_callers_are_answered_and_told_for_the_least_time_of_a_drain(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        draining = asyncio.create_task(running.daemon.drain(10, 0.5))
        await asyncio.sleep(0)
        answer = await running.request()
        assert (answer.status, answer.get(b"connection")) == (200, b"close")
        assert not draining.done()
        assert await asyncio.wait_for(draining, 10)
        with pytest.raises(ConnectionRefusedError):
            await running.request()


async def test_a_hundred_stops_under_load_lose_nothing_that_was_accepted(outrider):
    """A caller sends its next request until an answer says `close`, or the connection cannot be made."""
    cut: list[object] = []

    async def call(running, told: list[bool]) -> None:
        with contextlib.suppress(ConnectionRefusedError):
            async with await running.caller() as caller:
                told.append(False)
                while True:
                    await caller.send(running.head())
                    answer = await caller.answer()
                    if answer.status != 200 or not answer.whole:
                        cut.append(answer)
                        return
                    if answer.get(b"connection") == b"close":
                        told.append(True)
                        return

    async with RawUpstream(answers()) as upstream:
        for _ in range(100):
            running = await outrider(facing(upstream.url))
            told: list[bool] = []
            calls = [asyncio.create_task(call(running, told)) for _ in range(4)]
            await running.request()
            assert await asyncio.wait_for(running.daemon.drain(5), 10)
            await asyncio.wait_for(asyncio.gather(*calls), 10)
            assert told.count(True) == told.count(False) > 0
            await running.stop()
    assert cut == []
