"""Callers that ask for too much, or take too long: each is refused or given up, and the others are served."""

import asyncio
import contextlib

import pytest

from tests.peers.caller import Caller
from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import OK, answers, never_answers


async def _until(true) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


async def test_past_the_cap_of_requests_in_flight_the_next_is_refused(outrider):
    async with RawUpstream(never_answers()) as upstream:
        running = await outrider(facing(upstream.url, limits={"in_flight": 2}))
        callers = [await running.caller() for _ in range(2)]
        for caller in callers:
            await caller.send(running.head())
        await _until(lambda: len(upstream.requests) == 2)
        answer = await running.request()
        assert (answer.status, answer.code) == (503, "overloaded")
        assert int(answer.get(b"retry-after") or b"0") >= 1
        await callers[0].close()
        upstream.script = answers()

        async def freed() -> bool:
            return (await running.request()).status == 200

        async with asyncio.timeout(5):
            while not await freed():
                await asyncio.sleep(0.01)
        await callers[1].close()


async def test_past_the_cap_of_connections_the_next_waits_or_is_refused(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, limits={"connections": 3}))
        kept = [await running.caller() for _ in range(3)]
        for caller in kept:
            await caller.send(running.head())
            assert (await caller.answer()).status == 200
        async with await running.caller() as late:
            await late.send(running.head())
            try:
                answer = await late.answer(timeout=0.5)
                assert (answer.status, answer.code) == (503, "overloaded")
            except (EOFError, TimeoutError):
                pass
        assert len(upstream.heads) == 3
        await kept[0].close()
        async with asyncio.timeout(5):
            while True:
                try:
                    if (await running.request(timeout=1)).status == 200:
                        break
                except (EOFError, OSError):
                    pass
                await asyncio.sleep(0.01)
        for caller in kept[1:]:
            await caller.close()


@pytest.mark.parametrize(
    "lines",
    [
        (b"X: " + b"a" * 3000,),
        tuple(b"X-%d: %b" % (number, b"a" * 50) for number in range(50)),
        (b"X" * 3000 + b": a",),
    ],
    ids=["one long field", "many fields", "a long name"],
)
async def test_a_head_over_the_cap_is_refused(outrider, lines):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, limits={"head": "2KiB"}))
        async with await running.caller() as caller:
            await caller.send(running.head(b"GET", b"/", *lines))
            answer = await caller.answer()
            assert (answer.status, answer.code) == (431, "head_too_large")
            assert await caller.closed()
        assert not upstream.connections


async def test_a_head_over_the_cap_that_arrives_in_pieces_is_refused_before_it_ends(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, limits={"head": "2KiB"}))
        async with await running.caller() as caller:
            await caller.send(b"GET / HTTP/1.1\r\nHost: %b\r\n" % running.host)
            for number in range(100):
                await caller.send(b"X-%d: %b\r\n" % (number, b"a" * 60))
                await asyncio.sleep(0)
            assert (await caller.answer()).code == "head_too_large"
            assert await caller.closed()
        assert not upstream.connections


async def test_a_head_of_the_contracts_size_passes(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        assert (await running.request(b"GET", b"/", b"X: " + b"a" * 15_000)).status == 200
        assert upstream.heads[0].get(b"x") == b"a" * 15_000


async def test_content_whose_length_is_over_the_cap_is_refused_unread(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, limits={"body": "1KiB"}))
        async with await running.caller() as caller:
            await caller.send(running.head(b"PUT", b"/", b"Content-Length: 1025"))
            answer = await caller.answer()
            assert (answer.status, answer.code) == (413, "content_too_large")
            assert await caller.closed()
        assert not upstream.heads
        assert (await running.request(b"PUT", b"/", content=b"a" * 1024)).status == 200


async def test_chunked_content_that_grows_over_the_cap_is_ended(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, limits={"body": "1KiB"}))
        async with await running.caller() as caller:
            await caller.send(running.head(b"PUT", b"/", b"Transfer-Encoding: chunked"))
            for _ in range(20):
                await caller.send(b"64\r\n%b\r\n" % (b"a" * 100))
                await asyncio.sleep(0)
            answer = await caller.answer()
            assert (answer.status, answer.code) == (413, "content_too_large")
            assert await caller.closed()
        assert not upstream.requests


@pytest.mark.parametrize(
    "begun", [b"", b"G", b"GET / HTTP/1.1\r\nHost: HOST\r\nX: "], ids=["nothing", "a letter", "half"]
)
async def test_a_head_that_does_not_come_in_time_is_given_up(outrider, begun):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, limits={"head_timeout": "200ms", "idle_timeout": "200ms"}))
        async with await running.caller() as caller:
            await caller.send(begun.replace(b"HOST", running.host))
            with contextlib.suppress(EOFError):
                assert (await caller.answer(timeout=5)).code == "request_timeout"
            assert await caller.closed()
        assert not upstream.connections


async def test_a_head_that_trickles_is_given_up_as_one_that_stands_still(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, limits={"head_timeout": "300ms"}))
        async with await running.caller() as caller:
            ended = asyncio.create_task(caller.rest(timeout=5))
            for byte in running.head(b"GET", b"/" + b"a" * 500):
                caller.transport.write(bytes((byte,)))
                await asyncio.sleep(0.02)
                if ended.done():
                    break
            data = await ended
            assert not data or data.startswith(b"HTTP/1.1 408 ")
        assert not upstream.connections


async def test_a_kept_connection_that_stays_silent_is_closed(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, limits={"idle_timeout": "200ms"}))
        async with await running.caller() as caller:
            await caller.send(running.head())
            assert (await caller.answer()).status == 200
            assert await caller.closed()


async def test_an_answer_that_takes_long_is_not_an_idle_connection(outrider):
    async def script(connection) -> None:
        await connection.request()
        await asyncio.sleep(0.8)
        await connection.send(OK)

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url, limits={"idle_timeout": "200ms", "head_timeout": "200ms"}))
        assert (await running.request()).content == b"ok"


async def test_an_upload_that_stands_still_is_given_up(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, limits={"min_body_rate": "1MiB"}))
        async with await running.caller() as caller:
            await caller.send(running.head(b"PUT", b"/", b"Content-Length: 100000") + b"a" * 10)
            answer = await caller.answer(timeout=20)
            assert (answer.status, answer.code) == (408, "request_timeout")
            assert await caller.closed()
        assert not upstream.requests


async def test_slow_callers_do_not_keep_the_others_out(outrider, scale):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        slow: list[Caller] = []
        for number in range(scale(300, 1000)):
            caller = await running.caller()
            await caller.send(
                b"GET /slow HTTP/1.1\r\nHost: " if number % 2 else running.head(b"PUT", b"/s", b"Content-Length: 9")
            )
            slow.append(caller)
        for _ in range(20):
            assert (await running.request(b"GET", b"/fast", timeout=5)).content == b"ok"
        await asyncio.gather(*(caller.close() for caller in slow))
        assert upstream.targets.count(b"/fast") == 20


async def test_callers_that_vanish_leave_no_connection_behind(outrider):
    async with RawUpstream(never_answers()) as upstream:
        running = await outrider(facing(upstream.url, limits={"connections": 20, "in_flight": 10}))
        for _ in range(10):
            callers = [await running.caller() for _ in range(8)]
            for caller in callers:
                await caller.send(running.head())
            await _until(lambda: len(upstream.requests) >= 8)
            for caller in callers:
                caller.transport.abort()
            await asyncio.gather(*(connection.ended.wait() for connection in upstream.connections))
            upstream.requests.clear()
        upstream.script = answers()
        assert (await running.request()).content == b"ok"
