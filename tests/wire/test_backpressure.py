"""Who does not read is not sent to, and who goes away ends what was done for it."""

import asyncio

from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import never_answers, never_reads_content

_MEBIBYTE = 2**20


async def test_a_caller_that_never_reads_holds_the_upstream_back(outrider):
    sent = 0

    async def script(connection: Connection) -> None:
        nonlocal sent
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (400 * _MEBIBYTE))
        for _ in range(400 * 16):
            await connection.send(b"a" * (_MEBIBYTE // 16))
            sent += _MEBIBYTE // 16

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            caller.transport.pause_reading()
            await caller.send(running.head())
            before = -1
            while before != sent or not sent:
                before = sent
                await asyncio.sleep(0.2)
            # What the kernel's buffers of two connections take, and little more.
            assert sent < 32 * _MEBIBYTE


async def test_an_upstream_that_never_reads_holds_the_caller_back(outrider):
    started = asyncio.Event()
    async with RawUpstream(never_reads_content(started)) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            await caller.send(running.head(b"PUT", b"/", b"Content-Length: %d" % (400 * _MEBIBYTE)))
            await started.wait()
            written = 0
            try:
                while written < 400 * _MEBIBYTE:
                    await asyncio.wait_for(caller.send(b"a" * (_MEBIBYTE // 16)), 0.5)
                    written += _MEBIBYTE // 16
            except TimeoutError:
                pass
            assert written < 32 * _MEBIBYTE


async def test_a_caller_that_leaves_ends_the_upstream_call(outrider):
    async with RawUpstream(never_answers()) as upstream:
        running = await outrider(facing(upstream.url))
        caller = await running.caller()
        await caller.send(running.head())
        while not upstream.requests:
            await asyncio.sleep(0.01)
        await caller.close()
        await asyncio.wait_for(upstream.connections[0].ended.wait(), 5)


async def test_a_caller_that_leaves_inside_its_upload_leaves_no_whole_request(outrider):
    ended = asyncio.Event()

    async def script(connection: Connection) -> None:
        try:
            await connection.request()
        finally:
            ended.set()

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url))
        for framing in (b"Content-Length: 1000", b"Transfer-Encoding: chunked"):
            ended.clear()
            caller = await running.caller()
            await caller.send(running.head(b"POST", b"/", framing) + b"5\r\nhello\r\n")
            while not upstream.heads:
                await asyncio.sleep(0.01)
            await caller.close()
            await asyncio.wait_for(ended.wait(), 5)
            upstream.heads.clear()
        assert not upstream.requests


async def test_a_caller_that_leaves_inside_its_download_frees_the_upstream(outrider):
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc")
        await connection.gone()

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url))
        caller = await running.caller()
        await caller.send(running.head())
        assert (await caller.head()).status == 200
        await caller.close()
        await asyncio.wait_for(upstream.connections[0].ended.wait(), 5)


async def _bytes_of(connection: Connection, count: int) -> None:
    """Read content without keeping it."""
    while count > 0:
        count -= len(await connection.reader.read(65536))


async def test_large_content_leaves_no_trace_in_memory(outrider_process):
    size = 256 * _MEBIBYTE
    piece = bytes(_MEBIBYTE)

    async def script(connection: Connection) -> None:
        head = await connection.head()
        if head.method == b"PUT":
            await _bytes_of(connection, size - (len(connection.arrived) - connection.arrived.index(b"\r\n\r\n") - 4))
            await connection.send(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        else:
            await connection.send(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % size)
            for _ in range(size // _MEBIBYTE):
                await connection.send(piece)

    async with RawUpstream(script) as upstream:
        running = await outrider_process(facing(upstream.url))
        before = running.memory()
        async with await running.caller() as caller:
            await caller.send(running.head(b"GET", b"/"))
            assert (await caller.head()).status == 200
            received = 0
            while received < size and (part := await caller.piece(20)):
                received += len(part)
            assert received == size
        async with await running.caller() as caller:
            await caller.send(running.head(b"PUT", b"/", b"Content-Length: %d" % size))
            for _ in range(size // _MEBIBYTE):
                await caller.send(piece)
            assert (await caller.answer(timeout=30)).status == 200
        assert running.memory() - before <= 16 * _MEBIBYTE
