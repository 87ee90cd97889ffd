"""Content that is sent again: the same bytes each time, wherever the attempt before broke off."""

import asyncio
import contextlib
import hashlib
from pathlib import Path

import pytest

from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import OK

_MEBIBYTE = 2**20
_FAILING = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
_REFUSING = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_BRISK = {"retry": {"backoff": {"base": "5ms"}}}
_SMALL_CAPS = {"replay": {"memory": "100KiB", "file": "2MiB"}}


def _content(size: int) -> bytes:
    return (hashlib.sha256(b"%d" % size).digest() * (size // 32 + 1))[:size]


def _fails_first(times: int):
    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(_FAILING if len(connection.upstream.requests) <= times else OK)

    return script


async def _upload(running, content: bytes, *lines: bytes, chunked: bool, method: bytes = b"PUT"):
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(content)
    async with await running.caller() as caller:
        await caller.send(running.head(method, b"/", framing, *lines))
        for start in range(0, len(content), 70_000):
            piece = content[start : start + 70_000]
            await caller.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            await caller.send(b"0\r\n\r\n")
        return await caller.answer(method, timeout=20)


@pytest.mark.parametrize("size", [0, 1, 1000, 90_000, 500_000, 2 * _MEBIBYTE])
@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
async def test_content_is_sent_again_byte_for_byte_from_memory_and_from_a_file(outrider, size, chunked, tmp_path):
    content = _content(size)
    async with RawUpstream(_fails_first(2), read_limit=2**22) as upstream:
        running = await outrider(
            facing(upstream.url, upstream=_BRISK | {"replay": _SMALL_CAPS["replay"] | {"folder": str(tmp_path)}})
        )
        answer = await _upload(running, content, chunked=chunked)
        assert (answer.status, answer.content) == (200, b"ok")
        assert [request.content == content for request in upstream.requests] == [True] * 3
        assert [head.chunked for head in upstream.heads] == [chunked] * 3
        assert list(tmp_path.iterdir()) == []


async def test_a_form_with_files_is_sent_again_whole(outrider):
    parts = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="f%d"; filename="f%d"\r\n\r\n%b\r\n'
        % (n, n, _content(n * 90_000))
        for n in range(1, 5)
    )
    content = parts + b"--b--\r\n"
    async with RawUpstream(_fails_first(1), read_limit=2**22) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK | _SMALL_CAPS))
        kind = b"Content-Type: multipart/form-data; boundary=b"
        answer = await _upload(running, content, kind, b"Idempotency-Key: k", chunked=True, method=b"POST")
        assert answer.status == 200
        assert [request.content == content for request in upstream.requests] == [True, True]


@pytest.mark.parametrize("read", [0, 1, 65_536, 300_000])
@pytest.mark.parametrize("refusal", [_REFUSING, b""], ids=["answers", "hangs up"])
async def test_an_upload_that_was_given_up_halfway_is_sent_whole(outrider, read, refusal):
    content = _content(_MEBIBYTE)

    async def script(connection: Connection) -> None:
        head = await connection.head()
        if len(connection.upstream.heads) == 1:
            await connection.exactly(read)
            await connection.send(refusal)
            connection.half_close()
            await connection.gone()
            return
        await connection.content(head)
        await connection.send(OK)
        await connection.gone()

    async with RawUpstream(script, read_limit=2**22) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK | _SMALL_CAPS))
        answer = await _upload(running, content, chunked=True)
        assert answer.status == 200
        assert [request.content == content for request in upstream.requests] == [True]
        assert len(upstream.heads) == 2


async def test_the_second_attempt_begins_while_the_caller_still_sends(outrider):
    second = asyncio.Event()

    async def script(connection: Connection) -> None:
        head = await connection.head()
        if len(connection.upstream.heads) == 1:
            await connection.until(b"one\r\n")
            await connection.send(_REFUSING)
            return
        second.set()
        await connection.content(head)
        await connection.send(OK)
        await connection.gone()

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK))
        async with await running.caller() as caller:
            await caller.send(running.head(b"PUT", b"/", b"Transfer-Encoding: chunked") + b"3\r\none\r\n")
            await asyncio.wait_for(second.wait(), 5)
            await caller.send(b"3\r\ntwo\r\n0\r\n\r\n")
            assert (await caller.answer()).content == b"ok"
        assert [request.content for request in upstream.requests] == [b"onetwo"]


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
async def test_content_over_the_cap_goes_on_once_and_the_answer_says_so(outrider, chunked):
    content = _content(3 * _MEBIBYTE)
    async with RawUpstream(_fails_first(2), read_limit=2**22) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK | _SMALL_CAPS))
        answer = await _upload(running, content, chunked=chunked)
        assert (answer.status, answer.get(b"proxy-status")) == (503, b"outrider; not_replayable")
        assert [request.content == content for request in upstream.requests] == [True]


async def test_a_folder_that_cannot_be_written_lets_the_content_go_on_once(outrider, tmp_path):
    content = _content(_MEBIBYTE)
    folder = tmp_path / "there"
    folder.mkdir()
    replay = {"replay": {"memory": "10KiB", "folder": str(folder)}}
    async with RawUpstream(_fails_first(0), read_limit=2**22) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK | replay))
        folder.rmdir()
        answer = await _upload(running, content, chunked=False)
        assert (answer.status, answer.get(b"proxy-status")) == (200, b"outrider; not_replayable")
        assert [request.content == content for request in upstream.requests] == [True]


async def test_an_upload_that_was_cut_by_its_caller_is_not_sent_again(outrider):
    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.gone()

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK))
        async with await running.caller() as caller:
            await caller.send(running.head(b"PUT", b"/", b"Content-Length: 1000") + b"a" * 10)
            while not upstream.heads:
                await asyncio.sleep(0.01)
        tally = running.daemon._pipeline.tallies["api"]
        async with asyncio.timeout(5):
            while tally.in_flight:
                await asyncio.sleep(0.01)
        assert len(upstream.heads) == 1


async def test_no_file_is_left_open(outrider, tmp_path):
    replay = {"replay": _SMALL_CAPS["replay"] | {"folder": str(tmp_path)}}
    async with RawUpstream(_fails_first(3), read_limit=2**22) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK | replay))
        for _ in range(5):
            await _upload(running, _content(500_000), chunked=True)
    assert [name for name in _open_files() if name.startswith(str(tmp_path))] == []


def _open_files() -> list[str]:
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the descriptor of the listing itself is gone by now
            found.append(str(descriptor.readlink()))
    return found
