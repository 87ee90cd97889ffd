"""A kept connection that has ended: nothing that changes something is ever sent twice (RFC 9112 §9.3.1)."""

import asyncio

import pytest

from tests.peers.raw_upstream import Connection, RawUpstream, Script
from tests.peers.running import facing
from tests.peers.scripts import OK


def _stale_after_one() -> Script:
    """Answers one request per connection, keeps the connection, and closes it when a second one comes."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(OK)
        await connection.request()

    return script


@pytest.mark.parametrize("method", [b"PUT", b"DELETE", b"POST", b"PATCH"])
async def test_a_request_that_changes_something_is_never_sent_twice(outrider, method):
    async with RawUpstream(_stale_after_one()) as upstream:
        running = await outrider(facing(upstream.url, upstream={"retry": {"attempts": 1}}))
        assert (await running.request()).content == b"ok"
        answer = await running.request(method, b"/once", content=b"abc")
        assert (answer.status, answer.code) == (502, "upstream_disconnected")
        assert upstream.targets.count(b"/once") == 1


async def test_a_get_on_a_connection_that_was_closed_is_tried_at_most_once_more(outrider):
    async with RawUpstream(_stale_after_one()) as upstream:
        running = await outrider(facing(upstream.url))
        for number in range(5):
            answer = await running.request(b"GET", b"/%d" % number)
            assert answer.content == b"ok" or answer.code == "upstream_disconnected"
            assert upstream.targets.count(b"/%d" % number) <= 2


async def test_a_connection_that_was_closed_while_idle_is_not_used(outrider):
    closed = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(OK)
        connection.half_close()
        closed.set()
        await connection.gone()

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            for number in range(50):
                closed.clear()
                await caller.send(running.head(b"PUT", b"/%d" % number, b"Content-Length: 0"))
                assert (await caller.answer()).content == b"ok"
                await closed.wait()
        assert upstream.targets == [b"/%d" % number for number in range(50)]
