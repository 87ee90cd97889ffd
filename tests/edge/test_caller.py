import asyncio
from typing import Any

import pytest

from proxy.edge.caller import CallerConnection
from tests.edge.serving import ANSWER, answering, asked, serving
from tests.peers.caller import Caller


async def test_a_head_that_does_not_end_in_time_is_refused() -> None:
    async with serving(answering([]), head_timeout="100ms") as running, await Caller.connect(running.port) as caller:
        await caller.send(b"GET / HTTP/1.1\r\nHost")
        assert (await caller.answer()).code == "request_timeout"
        assert await caller.closed()


async def test_a_connection_that_never_says_anything_is_closed() -> None:
    async with serving(answering([]), head_timeout="100ms") as running, await Caller.connect(running.port) as caller:
        assert await caller.closed()


async def test_a_kept_connection_is_closed_when_it_has_been_silent_for_long() -> None:
    async def handle(connection: CallerConnection, message: Any, payload: Any) -> bool:
        assert connection.transport is not None
        connection.receive(None)
        connection.transport.write(ANSWER)
        connection.rest(asyncio.get_running_loop().time())
        return True

    async with (
        serving(handle, idle_timeout="100ms", head_timeout="60s") as running,
        await Caller.connect(running.port) as caller,
    ):
        await caller.send(asked())
        await caller.answer()
        assert await caller.closed()


@pytest.mark.parametrize("pieces", [1, 7])
async def test_a_head_over_the_cap_is_refused(pieces: int) -> None:
    head = asked(b"/", *(b"X-%d: %b" % (number, b"x" * 200) for number in range(30)))
    async with serving(answering([]), head="2KiB") as running, await Caller.connect(running.port) as caller:
        unfinished = head[:-2]
        step = len(unfinished) // pieces
        for start in range(0, len(unfinished), step):
            await caller.send(unfinished[start : start + step])
        assert (await caller.answer()).code == "head_too_large"
        assert await caller.closed()


async def test_connections_over_the_cap_are_refused_and_one_that_ends_makes_room() -> None:
    async with serving(answering([]), connections=1) as running:
        async with await Caller.connect(running.port) as first:
            await first.send(asked())
            assert (await first.answer()).status == 200
            async with await Caller.connect(running.port) as second:
                answer = await second.answer()
                assert (answer.code, answer.get(b"retry-after")) == ("overloaded", b"1")
        async with asyncio.timeout(5):
            while running.server.connections:
                await asyncio.sleep(0.005)
        async with await Caller.connect(running.port) as third:
            await third.send(asked())
            assert (await third.answer()).status == 200


@pytest.mark.parametrize("method", [b"BREW", b"M-SEARCH", b"PROPFIND", b"a!b"])
async def test_a_method_that_the_parser_does_not_know_is_told_as_it_came(method: bytes) -> None:
    seen: list[str] = []

    async def handle(connection: CallerConnection, message: Any, payload: Any) -> bool:
        seen.append(connection.real_method(message.method))
        assert connection.transport is not None
        connection.transport.write(ANSWER)
        return True

    async with serving(handle) as running, await Caller.connect(running.port) as caller:
        for _ in range(2):
            await caller.send(asked(method=method))
            assert (await caller.answer()).status == 200
        await caller.send(asked(method=b"GET"))
        assert (await caller.answer()).status == 200
    assert seen == [method.decode(), method.decode(), "GET"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization : canary\r\n\r\n", b"Invalid header token."),
        (b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: canary\x00\r\n\r\n", b"Invalid header value char."),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: canary\r\n\r\n", b"Content-Length."),
        (b"GET http://user:canary@[::1/ HTTP/1.1\r\nHost: a\r\n\r\n", b"malformed."),
        (b"GET /?canary HTTP/9.7\r\n\r\n", b"HTTP"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: canary" + b"x" * 40_000 + b"\r\n\r\n", b"limits.head"),
    ],
)
async def test_a_refusal_says_what_is_wrong_and_quotes_nothing(data: bytes, says: bytes) -> None:
    async with serving(answering([])) as running, await Caller.connect(running.port) as caller:
        await caller.send(data)
        answer = await caller.answer()
        assert answer.status in (400, 431)
        assert b"canary" not in answer.content
        assert says in answer.content, answer.content
        assert await caller.closed()


async def test_an_aborted_connection_never_looks_whole() -> None:
    async def handle(connection: CallerConnection, message: Any, payload: Any) -> bool:
        assert connection.transport is not None
        connection.transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npart")
        await asyncio.sleep(0.05)
        connection.abort()
        return False

    async with serving(handle) as running, await Caller.connect(running.port) as caller:
        await caller.send(asked())
        assert not (await caller.answer()).whole


async def test_a_caller_that_does_not_read_is_given_up_after_its_idle_limit() -> None:
    ended = asyncio.Event()

    async def handle(connection: CallerConnection, message: Any, payload: Any) -> bool:
        try:
            while connection.transport is not None and not connection.transport.is_closing():
                connection.transport.write(b"x" * 100_000)
                if connection.writing_paused:
                    await connection.drained()
        finally:
            ended.set()
        return False

    async with serving(handle, idle_timeout="100ms") as running:
        caller = await Caller.connect(running.port)
        caller.transport.pause_reading()
        await caller.send(asked())
        await asyncio.wait_for(ended.wait(), 10)
        caller.transport.abort()
