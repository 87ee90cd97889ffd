"""Nothing of one exchange reaches another: no field of a request, no byte of an answer."""

import asyncio

import pytest

from tests.peers.judges import assert_well_formed
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import OK, answers, answers_then_adds, echoes_content

_TRIES = 1000
_TRAILERS = b"X-Leak: 1\r\nAuthorization: Bearer leaked\r\nOrigin: https://evil.example\r\nOutrider-Auth: none"
_CHUNKED = b"3\r\nabc\r\n0\r\n" + _TRAILERS + b"\r\n\r\n"
_POISON = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nPOISON"


def _assert_no_leak(upstream: RawUpstream) -> None:
    for head in upstream.heads:
        assert not head.all(b"x-leak"), head
        assert not head.all(b"origin"), head
    assert_well_formed(upstream)


async def test_a_trailer_never_becomes_a_field_of_the_next_request(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        caller = await running.caller()
        for _ in range(_TRIES):
            await caller.send(running.head(b"POST", b"/first", b"Transfer-Encoding: chunked") + _CHUNKED)
            first = await caller.answer()
            assert first.status == 200
            if first.get(b"connection") == b"close":
                assert await caller.closed()
                caller = await running.caller()
            await caller.send(running.head(b"GET", b"/second"))
            assert (await caller.answer()).content == b"ok"
        await caller.close()
        assert upstream.targets == [b"/first", b"/second"] * _TRIES
        _assert_no_leak(upstream)


async def test_a_trailer_never_becomes_a_field_of_a_pipelined_request(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        pair = (
            running.head(b"POST", b"/first", b"Transfer-Encoding: chunked")
            + _CHUNKED
            + running.head(b"GET", b"/second")
        )
        for _ in range(_TRIES):
            async with await running.caller() as caller:
                await caller.send(pair)
                first = await caller.answer()
                assert first.status == 200
                # After a chunked request the connection may be closed: then the second was never looked at.
                if first.get(b"connection") != b"close":
                    assert (await caller.answer()).content == b"ok"
        assert upstream.targets.count(b"/first") == _TRIES
        _assert_no_leak(upstream)


async def test_a_trailer_never_becomes_a_field_of_its_own_request(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        await running.raw(running.head(b"POST", b"/", b"Connection: close", b"Transfer-Encoding: chunked") + _CHUNKED)
        assert upstream.requests[0].content == b"abc"
        assert not upstream.requests[0].trailers
        _assert_no_leak(upstream)


@pytest.mark.parametrize("at_once", [True, False], ids=["in the same write", "in a write of its own"])
async def test_an_answer_that_nobody_asked_for_never_reaches_a_caller(outrider, at_once):
    sent = asyncio.Event()
    async with RawUpstream(answers_then_adds(_POISON, at_once=at_once, sent=sent)) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            for number in range(_TRIES):
                sent.clear()
                await caller.send(running.head(b"GET", b"/%d" % number))
                assert (await caller.answer()).content == b"ok", number
                # The extra bytes stand in Outrider's socket before the next request is sent.
                await sent.wait()
        assert upstream.targets == [b"/%d" % number for number in range(_TRIES)]


async def test_a_single_stray_byte_on_an_idle_connection_ends_it(outrider):
    sent = asyncio.Event()
    async with RawUpstream(answers_then_adds(b"\n", at_once=False, sent=sent)) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            for _ in range(20):
                sent.clear()
                await caller.send(running.head())
                assert (await caller.answer()).content == b"ok"
                await sent.wait()
        assert len(upstream.connections) == 20


async def test_a_head_of_an_answer_left_on_an_idle_connection_is_not_completed_by_the_next(outrider):
    sent = asyncio.Event()
    half = b"HTTP/1.1 200 OK\r\nx-leak: "
    async with RawUpstream(answers_then_adds(half, at_once=True, sent=sent)) as upstream:
        running = await outrider(facing(upstream.url))
        for _ in range(50):
            answer = await running.request()
            assert answer.content == b"ok"
            assert not answer.all(b"x-leak")


async def test_a_connection_that_still_waits_for_content_never_gets_another_request(outrider):
    part = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.send(OK)
        await connection.gone()

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url))
        for framing in (b"Content-Length: 100000", b"Transfer-Encoding: chunked") * 10:
            async with await running.caller() as caller:
                await caller.send(running.head(b"POST", b"/real", framing) + b"%x\r\n%b\r\n" % (len(part), part))
                assert (await caller.answer()).content == b"ok"
        assert len(upstream.connections) == 20
        for connection in upstream.connections:
            assert bytes(connection.arrived).count(b"POST /real") == 1


async def test_a_hundred_callers_at_once_each_get_their_own_answer(outrider):
    async with RawUpstream(echoes_content()) as upstream:
        running = await outrider(facing(upstream.url))

        async def call(name: bytes) -> None:
            async with await running.caller() as caller:
                for number in range(20):
                    content = b"%b-%d" % (name, number) * (1 + number * 50)
                    head = running.head(b"POST", b"/", b"Content-Length: %d" % len(content))
                    await caller.send(head + content)
                    assert (await caller.answer()).content == content

        await asyncio.gather(*(call(b"caller%d" % number) for number in range(100)))
        _assert_no_leak(upstream)
