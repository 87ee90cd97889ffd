"""Content in both directions: framed as it should be, streamed as it comes, and the same bytes at the other end."""

import asyncio
import hashlib

import pytest

from tests.peers.judges import assert_well_formed
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import OK, answers, answers_before_the_content, echoes_content

_MEBIBYTE = 2**20


@pytest.mark.parametrize("size", [0, 1, 100, 65_535, 65_536, 3 * _MEBIBYTE])
@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
async def test_content_of_any_size_goes_up_and_comes_down(outrider, size, chunked):
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    async with RawUpstream(echoes_content(), read_limit=2**22) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            if chunked:
                await caller.send(running.head(b"PUT", b"/", b"Transfer-Encoding: chunked"))
                for start in range(0, size, 50_000):
                    piece = content[start : start + 50_000]
                    await caller.send(b"%x\r\n%b\r\n" % (len(piece), piece))
                await caller.send(b"0\r\n\r\n")
            else:
                await caller.send(running.head(b"PUT", b"/", b"Content-Length: %d" % size) + content)
            answer = await caller.answer(timeout=20)
        assert answer.whole
        assert answer.content == content
        assert_well_formed(upstream)


async def test_the_framing_of_an_upload_is_kept(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        await running.request(b"POST", b"/", content=b"abc")
        await running.request(b"POST", b"/", b"Content-Length: 0")
        await running.raw(
            running.head(b"POST", b"/", b"Connection: close", b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n"
        )
        await running.request(b"GET", b"/")
        known, empty, chunked, none = upstream.heads
        assert (known.all(b"content-length"), known.chunked) == ([b"3"], False)
        assert (empty.all(b"content-length"), empty.chunked) == ([b"0"], False)
        assert (chunked.all(b"content-length"), chunked.chunked) == ([], True)
        assert (none.all(b"content-length"), none.chunked) == ([], False)


async def test_an_upload_streams_before_it_is_complete(outrider):
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def script(connection: Connection) -> None:
        await connection.head()
        while size := int(await connection.until(b"\r\n"), 16):
            arrived.put_nowait(await connection.exactly(size))
            await connection.exactly(2)
        await connection.exactly(2)
        await connection.send(OK)
        await connection.gone()

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            await caller.send(running.head(b"POST", b"/", b"Transfer-Encoding: chunked"))
            for piece in (b"one", b"two", b"three"):
                await caller.send(b"%x\r\n%b\r\n" % (len(piece), piece))
                assert await asyncio.wait_for(arrived.get(), 5) == piece
            await caller.send(b"0\r\n\r\n")
            assert (await caller.answer()).content == b"ok"


async def test_an_event_arrives_before_the_next_is_made(outrider):
    seen = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for number in range(5):
            seen.clear()
            event = b"data: %d\n\n" % number
            await connection.send(b"%x\r\n%b\r\n" % (len(event), event))
            await seen.wait()
        await connection.send(b"0\r\n\r\n")

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            await caller.send(running.head())
            assert (await caller.head()).get(b"content-type") == b"text/event-stream"
            for number in range(5):
                received = b""
                while b"data: %d\n\n" % number not in received:
                    received += await caller.piece(5)
                seen.set()


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_content_is_followed_by_the_next(outrider, status):
    data = b"HTTP/1.1 %d X\r\netag: abc\r\n\r\n" % status
    async with RawUpstream(answers(data)) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            for _ in range(3):
                await caller.send(running.head())
                answer = await caller.answer()
                assert (answer.status, answer.get(b"etag")) == (status, b"abc")
                assert not answer.all(b"transfer-encoding")
                assert status != 204 or not answer.all(b"content-length")
        assert len(upstream.connections) == 1


@pytest.mark.parametrize("field", [b"content-length: 1000000", b"transfer-encoding: chunked", b"x-none: 1"])
async def test_the_answer_to_head_has_the_fields_and_no_content(outrider, field):
    async with RawUpstream(answers(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % field)) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            for _ in range(3):
                await caller.send(running.head(b"HEAD"))
                answer = await caller.answer(b"HEAD")
                assert answer.status == 200
                if field.startswith(b"content-length"):
                    assert answer.all(b"content-length") == [b"1000000"]


async def test_an_early_answer_arrives_while_the_upload_runs(outrider):
    refusal = b"HTTP/1.1 413 Too Large\r\ncontent-length: 6\r\n\r\nno way"
    async with RawUpstream(answers_before_the_content(refusal, read_on=True)) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            await caller.send(running.head(b"POST", b"/", b"Content-Length: 1000000") + b"a" * 1000)
            answer = await caller.answer(timeout=5)
            assert (answer.status, answer.content) == (413, b"no way")


async def test_an_early_answer_survives_an_upstream_that_closes(outrider):
    refusal = b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 6\r\n\r\nno way"

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.send(refusal)
        connection.half_close()
        await connection.gone()

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url))
        for _ in range(10):
            async with await running.caller() as caller:
                await caller.send(running.head(b"POST", b"/", b"Content-Length: 3000000"))
                await caller.send(b"a" * 500_000)
                answer = await caller.answer(timeout=5)
                assert (answer.status, answer.content) == (413, b"no way")


async def test_a_caller_of_http_1_0_gets_an_answer_that_it_can_read(outrider):
    chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    for data in (OK, chunks):
        async with RawUpstream(answers(data)) as upstream:
            running = await outrider(facing(upstream.url))
            head, _, content = (await running.raw(b"GET / HTTP/1.0\r\nHost: %b\r\n\r\n" % running.host)).partition(
                b"\r\n\r\n"
            )
            assert head.startswith(b"HTTP/1.1 200 ")
            assert b"transfer-encoding" not in head.lower()
            assert content == b"ok"
            assert b" HTTP/1.1\r\n" in upstream.connections[0].arrived


async def test_pipelined_requests_are_answered_in_their_order(outrider):
    async def script(connection: Connection) -> None:
        while True:
            target = (await connection.request()).head.target
            # The first takes longest: were they answered as they finish, the order would turn.
            await asyncio.sleep(0.05 if target == b"/0" else 0)
            await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(target), target))

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            await caller.send(b"".join(running.head(b"GET", b"/%d" % number) for number in range(30)))
            assert [(await caller.answer()).content for _ in range(30)] == [b"/%d" % number for number in range(30)]


async def test_a_pipelined_request_behind_content_is_kept_apart_from_it(outrider):
    async with RawUpstream(echoes_content()) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            one = running.head(b"POST", b"/", b"Content-Length: 3") + b"one"
            await caller.send(one + running.head(b"POST", b"/", b"Content-Length: 5") + b"other" + running.head())
            assert [(await caller.answer()).content for _ in range(3)] == [b"one", b"other", b""]


async def test_a_file_of_a_real_server_comes_down_and_goes_up_unchanged(outrider, nginx):
    url, files = nginx
    content = hashlib.sha256(b"seed").digest() * 2**20
    (files / "large").write_bytes(content)
    running = await outrider(facing(url))
    down = await running.request(b"GET", b"/large", timeout=30)
    assert down.content == content
    part = await running.request(b"GET", b"/large", b"Range: bytes=1000-1999")
    assert (part.status, part.content) == (206, content[1000:2000])
    assert part.get(b"content-range") == b"bytes 1000-1999/%d" % len(content)
    async with await running.caller() as caller:
        await caller.send(running.head(b"PUT", b"/upload/large", b"Content-Length: %d" % len(content)))
        await caller.send(content)
        assert (await caller.answer(timeout=30)).status == 201
    assert (files / "upload" / "large").read_bytes() == content


async def test_a_conditional_request_is_answered_304(outrider, nginx):
    url, files = nginx
    (files / "page").write_bytes(b"page")
    running = await outrider(facing(url))
    etag = (await running.request(b"GET", b"/page")).get(b"etag")
    again = await running.request(b"GET", b"/page", b"If-None-Match: " + etag)
    assert (again.status, again.content) == (304, b"")
