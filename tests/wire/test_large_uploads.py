"""Large content and credentials: a refusal before the content, a renewal before it, and what a replay costs."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import Outrider, OutriderProcess
from tests.peers.scripts import OK
from tests.peers.token_server import TokenServer

Start = Callable[..., Awaitable[Outrider]]
_MEBIBYTE = 2**20


async def _upload(running: Any, content: bytes, timeout: float = 60) -> Any:
    async with await running.caller() as caller:
        await caller.send(running.head(b"PUT", b"/", b"Content-Length: %d" % len(content)))
        for start in range(0, len(content), _MEBIBYTE):
            await caller.send(content[start : start + _MEBIBYTE])
        return await caller.answer(b"PUT", timeout)


@pytest.mark.parametrize("answers", [True, False], ids=["an upstream that answers it", "one that ignores it"])
async def test_an_announced_upload_arrives_whole(outrider: Start, answers: bool) -> None:
    async def script(connection: Connection) -> None:
        while True:
            head = await connection.head()
            if answers:
                await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            await connection.content(head)
            await connection.send(OK)

    content = b"x" * 3 * _MEBIBYTE
    async with RawUpstream(script) as upstream:
        running = await outrider({"upstreams": {"api": {"url": upstream.url, "replay": {"expect": "1MiB"}}}})
        for _ in range(2):
            assert (await _upload(running, content)).status == 200
        assert [request.content == content for request in upstream.requests] == [True, True]
        announced = [head.get(b"expect") for head in upstream.heads]
    assert announced == [b"100-continue", b"100-continue" if answers else None]


async def test_a_refusal_comes_before_announced_content(outrider: Start) -> None:
    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.send(b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        connection.half_close()
        await connection.gone()

    async with RawUpstream(script) as upstream:
        config = {"url": upstream.url, "replay": {"expect": "1MiB"}, "retry": {"attempts": 1}}
        running = await outrider({"upstreams": {"api": config}})
        async with await running.caller() as caller:
            await caller.send(running.head(b"PUT", b"/", b"Content-Length: %d" % (100 * _MEBIBYTE)))
            assert (await caller.answer(b"PUT", 5)).status == 429
    assert upstream.requests == []


async def test_large_content_waits_for_a_renewal_and_small_content_does_not(
    outrider: Start, server: TokenServer
) -> None:
    server.lifetime = 2
    profile = server.profile()
    running = await outrider({"auth": {"p": profile}, "upstreams": {"api": {"url": server.url, "auth": "p"}}})
    renewing, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        renewing.set()
        await go_on.wait()

    server.before_commit = hold
    # Into the last fifth of the token's life, in which it is renewed.
    while not renewing.is_set():
        assert (await running.request()).status == 200
        await asyncio.sleep(0.02)
    large = asyncio.create_task(_upload(running, b"x" * 2 * _MEBIBYTE))
    await asyncio.sleep(0.05)
    assert not large.done()
    go_on.set()
    assert (await large).status == 200
    assert server.exchanges == 2
    assert server.api_requests[-1].head.get(b"authorization") not in {
        request.head.get(b"authorization") for request in server.api_requests[:-1]
    }


async def test_an_upload_of_20_mib_that_is_replayed_takes_no_more_memory(
    outrider_process: Callable[..., Awaitable[OutriderProcess]], server: TokenServer
) -> None:
    running = await outrider_process(
        {"auth": {"p": server.profile()}, "upstreams": {"api": {"url": server.url, "auth": "p"}}}
    )
    content = hashlib.sha256(b"20").digest() * (20 * _MEBIBYTE // 32)
    # What one small request and one plain upload bring with them is there already.
    assert (await _upload(running, b"small")).status == 200
    before = running.memory()
    server.expire_tokens()
    answered = await _upload(running, content)
    assert (answered.status, answered.content == content) == (200, True)
    assert b"refreshed" in answered.get(b"proxy-status")
    assert running.memory() - before <= 4 * _MEBIBYTE
