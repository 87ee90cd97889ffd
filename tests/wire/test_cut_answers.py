"""Where an answer ends: a cut one never looks whole, and what follows a whole one reaches nobody."""

import pytest

from tests.peers.raw_upstream import Connection, RawUpstream, Script
from tests.peers.running import facing
from tests.peers.scripts import OK, answers, answers_once, answers_then_resets

_QUICK = {"timeout": {"idle": "300ms"}}

_BODY = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + b"a" * 400
_CHUNKS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n64\r\n" + b"a" * 100 + b"\r\n"
_UNFRAMED = b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 400
_CUT: dict[str, Script] = {
    "shorter than its length": answers_once(_BODY),
    "reset inside its length": answers_then_resets(_BODY),
    "silent inside its length": answers(_BODY),
    "cut between chunks": answers_once(_CHUNKS),
    "cut inside a chunk": answers_once(_CHUNKS + b"64\r\naaa"),
    "cut inside a chunk's size": answers_once(_CHUNKS + b"6"),
    "cut before the last line": answers_once(_CHUNKS + b"0\r\n"),
    "reset between chunks": answers_then_resets(_CHUNKS),
    "silent between chunks": answers(_CHUNKS),
    "a chunk size that is none": answers_once(_CHUNKS + b"zz\r\naaa\r\n0\r\n\r\n"),
    "a chunk that does not end": answers_once(_CHUNKS + b"1\r\naaa\r\n0\r\n\r\n"),
    "unframed and reset": answers_then_resets(_UNFRAMED),
    "unframed and silent": answers(_UNFRAMED),
}


@pytest.mark.parametrize("fault", _CUT)
@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
async def test_a_cut_answer_never_looks_whole(outrider, fault, version):
    async with RawUpstream(_CUT[fault]) as upstream:
        running = await outrider(facing(upstream.url, upstream=_QUICK))
        async with await running.caller() as caller:
            await caller.send(running.head(b"GET", b"/").replace(b"HTTP/1.1", version, 1))
            try:
                answer = await caller.answer(timeout=5)
            except EOFError:
                return  # aborted before the head went out: nothing to mistake
            # The head may not have gone out yet when the fault showed; then a problem document may be the answer.
            assert not answer.whole or answer.status >= 500, answer
            assert b"problem" not in answer.content or answer.status >= 500


@pytest.mark.parametrize("fault", ["shorter than its length", "cut between chunks"])
async def test_what_came_before_the_cut_reaches_the_caller(outrider, fault):
    async with RawUpstream(answers_then_resets(_BODY if "length" in fault else _CHUNKS)) as upstream:
        running = await outrider(facing(upstream.url, upstream=_QUICK))
        answer = await running.request()
        assert (answer.status, answer.whole) == (200, False)
        assert set(answer.content) <= {ord("a")}


async def test_an_unframed_answer_ends_where_the_connection_does(outrider):
    async with RawUpstream(answers_once(_UNFRAMED)) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await running.request()
        assert (answer.content, answer.whole) == (b"a" * 400, True)


async def test_an_upstream_that_half_closes_after_its_answer_is_whole(outrider):
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(OK)
        connection.half_close()
        await connection.gone()

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url))
        for _ in range(3):
            assert (await running.request()).content == b"ok"
        assert len(upstream.connections) == 3


@pytest.mark.parametrize(
    "data",
    [
        OK + b"extra bytes",
        b"HTTP/1.1 204 No Content\r\n\r\nextra",
        b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nextra",
        b"HTTP/1.1 304 Not Modified\r\n\r\nextra",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nextra",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nextra",
    ],
)
async def test_bytes_past_the_end_of_an_answer_reach_nobody(outrider, data):
    async with RawUpstream(answers(data)) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            for _ in range(5):
                await caller.send(running.head())
                answer = await caller.answer()
                assert answer.status == int(data[9:12])
                assert b"extra" not in answer.content


async def test_bytes_after_the_answer_to_head_reach_nobody(outrider):
    async with RawUpstream(answers(OK)) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            for _ in range(5):
                await caller.send(running.head(b"HEAD"))
                answer = await caller.answer(b"HEAD")
                assert (answer.status, answer.get(b"content-length"), answer.content) == (200, b"2", b"")
