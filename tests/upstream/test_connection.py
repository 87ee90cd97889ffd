import asyncio
from typing import Any

import pytest

from proxy.clock import NEVER, CoarseTimer
from proxy.errors import (
    DeadlineExceeded,
    OutriderError,
    UpstreamDisconnected,
    UpstreamProtocolError,
    UpstreamTimeout,
)
from proxy.message import Response
from proxy.upstream.connection import Limits, UpstreamConnection
from proxy.upstream.content import HIGH_WATER
from tests.upstream.tools import GET, OK, connected, exchange

_LIMITS = Limits(5.0, 7.0, 9.0)


async def _asking(connection: UpstreamConnection, head: bytes = GET, **more: Any) -> "asyncio.Task[Response]":
    asking = asyncio.ensure_future(connection.ask(head, exchange(**more), _LIMITS))
    await asyncio.sleep(0)
    return asking


async def _failure(asking: "asyncio.Task[Response]") -> type[OutriderError]:
    with pytest.raises(OutriderError) as failed:
        await asking
    return type(failed.value)


class Pieces:
    """A caller's content in pieces that the test lets through."""

    def __init__(self, length: int | None, *pieces: bytes) -> None:
        self.length = length
        self.proceeded = False
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()
        for piece in pieces:
            self.add(piece)

    def add(self, piece: bytes) -> None:
        self._pieces.put_nowait(piece)

    def take(self) -> bytes | None:
        return None

    async def read(self) -> bytes:
        return await self._pieces.get()

    def proceed(self) -> None:
        self.proceeded = True


class Whole(Pieces):
    def __init__(self, data: bytes, length: int | None) -> None:
        super().__init__(length)
        self._data = data

    def take(self) -> bytes:
        return self._data


async def test_a_whole_answer_frees_the_connection_before_it_is_read() -> None:
    connection, transport, told = connected()
    asking = await _asking(connection)
    assert transport.written == GET
    connection.data_received(OK)
    assert told == ["free"]
    response = await asking
    assert (response.status, response.content.take(), response.content.complete) == (200, b"ok", True)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_an_answer_is_the_same_however_its_bytes_are_cut(size: int) -> None:
    answer = b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer += b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    connection, _, told = connected()
    asking = await _asking(connection)
    for start in range(0, len(answer), size):
        connection.data_received(answer[start : start + size])
    response = await asking
    content = b""
    while piece := await response.content.read():
        content += piece
    assert (content, told) == (b"abcde", ["free"])


@pytest.mark.parametrize("stray", [b"\r\n", b"x", OK])
async def test_bytes_that_nobody_asked_for_end_the_connection(stray: bytes) -> None:
    connection, transport, told = connected()
    connection.data_received(stray)
    assert (transport.ended, told) == ("aborted", [])


@pytest.mark.parametrize(
    "answer", [OK, b"HTTP/1.1 204 No\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
)
async def test_a_connection_with_bytes_behind_its_answer_is_not_used_again(answer: bytes) -> None:
    connection, transport, told = connected()
    asking = await _asking(connection)
    connection.data_received(answer + OK)
    assert (await asking).status in (200, 204)
    assert (transport.ended, told) == ("aborted", [])


async def test_bytes_behind_an_answer_never_reach_the_next_request() -> None:
    connection, transport, told = connected()
    asking = await _asking(connection)
    connection.data_received(OK)
    await asking
    connection.data_received(OK)
    assert (transport.ended, told) == ("aborted", ["free"])
    assert not connection.is_quiet()


@pytest.mark.parametrize("line", [b"Connection: close", b"Transfer-Encoding: chunked"])
async def test_a_connection_that_the_answer_ends_is_not_used_again(line: bytes) -> None:
    connection, transport, told = connected()
    asking = await _asking(connection)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + line + b"\r\n\r\n0\r\n\r\n")
    await asking
    assert (transport.ended, told) == ("aborted", [])


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304), ("GET", 204)])
async def test_an_answer_without_content_ends_with_its_head(method: str, status: int) -> None:
    connection, _, told = connected()
    asking = await _asking(connection, method=method)
    connection.data_received(b"HTTP/1.1 %d X\r\nContent-Length: 12\r\n\r\n" % status)
    response = await asking
    assert (response.content.take(), told) == (b"", ["free"])
    assert (b"Content-Length: 12" in response.lines) == (status != 204)


async def test_content_until_the_end_is_whole_when_the_connection_ends_in_good_order() -> None:
    connection, _, told = connected()
    asking = await _asking(connection)
    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\nab")
    response = await asking
    assert await response.content.read() == b"ab"
    connection.eof_received()
    connection.connection_lost(None)
    assert await response.content.read() == b""
    assert told == ["lost"]


async def test_content_until_the_end_is_cut_when_the_upstream_did_not_say_the_end() -> None:
    connection, _, _ = connected()
    asking = await _asking(connection)
    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\nab")
    response = await asking
    connection.connection_lost(None)
    assert await response.content.read() == b"ab"
    with pytest.raises(UpstreamDisconnected):
        await response.content.read()


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]
)
@pytest.mark.parametrize("how", [None, ConnectionResetError()])
async def test_a_cut_answer_is_an_error_and_never_looks_whole(head: bytes, how: Exception | None) -> None:
    connection, _, _ = connected()
    asking = await _asking(connection)
    connection.data_received(head + b"2\r\nab\r\n")
    response = await asking
    assert response.content.take() is None
    assert await response.content.read()
    connection.connection_lost(how)
    with pytest.raises(UpstreamDisconnected):
        await response.content.read()


async def test_a_reset_cuts_content_until_the_end() -> None:
    connection, _, _ = connected()
    asking = await _asking(connection)
    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n")
    response = await asking
    connection.connection_lost(ConnectionResetError())
    with pytest.raises(UpstreamDisconnected):
        await response.content.read()


@pytest.mark.parametrize("arrived", [b"", b"HTTP/1.1 200 OK\r\n"])
async def test_a_connection_that_ends_before_the_head_is_an_error(arrived: bytes) -> None:
    connection, _, told = connected()
    asking = await _asking(connection)
    if arrived:
        connection.data_received(arrived)
    connection.connection_lost(None)
    assert await _failure(asking) is UpstreamDisconnected
    assert told == ["lost"]


async def test_a_failure_is_stale_only_on_a_used_connection_that_had_not_answered() -> None:
    connection, _, _ = connected()
    assert not connection.was_stale
    connection.rest_until(NEVER)
    asking = await _asking(connection)
    assert connection.was_stale
    connection.data_received(b"H")
    assert not connection.was_stale
    connection.connection_lost(None)
    assert await _failure(asking) is UpstreamDisconnected


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-x\r\n", b"HTTP/2", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", b"HTTP/1.1 101 X\r\nUpgrade: a\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000, b"HTTP/1.1 100 Continue\r\n\r\n" * 40],
)  # fmt: skip
async def test_an_unusable_answer_is_an_error_and_ends_the_connection(answer: bytes) -> None:
    connection, transport, _ = connected()
    asking = await _asking(connection)
    connection.data_received(answer)
    assert await _failure(asking) is UpstreamProtocolError
    assert transport.ended == "aborted"


async def test_asking_on_a_connection_that_is_closing_sends_nothing() -> None:
    connection, transport, _ = connected()
    transport.close()
    with pytest.raises(UpstreamDisconnected):
        await connection.ask(GET, exchange(), _LIMITS)
    assert transport.written == b""


async def test_a_caller_that_leaves_ends_the_connection() -> None:
    connection, transport, told = connected()
    asking = await _asking(connection)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (transport.ended, told) == ("aborted", [])


async def test_a_caller_that_leaves_as_the_answer_comes_ends_what_streams() -> None:
    connection, transport, _ = connected()
    asking = await _asking(connection)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert transport.ended == "aborted"


async def test_a_caller_that_leaves_as_a_whole_answer_comes_leaves_the_connection_to_the_next() -> None:
    connection, transport, told = connected()
    asking = await _asking(connection)
    connection.data_received(OK)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (transport.ended, told) == ("", ["free"])


async def test_who_closes_a_response_early_ends_the_connection() -> None:
    connection, transport, told = connected()
    asking = await _asking(connection)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
    (await asking).close()
    assert (transport.ended, told) == ("aborted", [])


async def test_who_does_not_read_is_not_sent_to() -> None:
    connection, transport, _ = connected()
    asking = await _asking(connection)
    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n")
    response = await asking
    connection.data_received(b"x" * HIGH_WATER)
    assert not transport.reading
    assert connection.expire_at == NEVER
    assert len(await response.content.read()) == HIGH_WATER
    assert transport.reading
    assert connection.expire_at < NEVER
    response.close()


# Deadlines, by the timer's verb and the connection's own figure


async def test_each_step_has_its_limit() -> None:
    loop = asyncio.get_running_loop()
    connection, _, _ = connected()
    asking = await _asking(connection)
    assert connection.expire_at == pytest.approx(loop.time() + _LIMITS.first_byte, abs=1)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
    assert connection.expire_at == pytest.approx(loop.time() + _LIMITS.idle, abs=1)
    (await asking).close()
    assert connection.expire_at == NEVER


async def test_no_limit_is_never() -> None:
    limits = Limits(0.0, 0.0, 0.0)
    assert (limits.first_byte, limits.idle) == (NEVER, NEVER)


async def test_an_upstream_that_does_not_answer_is_too_slow() -> None:
    connection, transport, _ = connected()
    asking = await _asking(connection)
    connection.expire(connection.expire_at)
    assert await _failure(asking) is UpstreamTimeout
    assert transport.ended == "aborted"


async def test_past_the_requests_deadline_that_is_what_is_said() -> None:
    connection, _, _ = connected()
    deadline = asyncio.get_running_loop().time() + 1.0
    asking = await _asking(connection, deadline=deadline)
    assert connection.expire_at == deadline
    connection.expire(deadline)
    assert await _failure(asking) is DeadlineExceeded


async def test_an_upstream_that_falls_silent_in_its_answer_is_too_slow() -> None:
    connection, transport, _ = connected()
    asking = await _asking(connection, deadline=asyncio.get_running_loop().time() + 0.5)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
    response = await asking
    connection.expire(connection.expire_at)
    with pytest.raises(UpstreamTimeout):
        await response.content.read()
    assert transport.ended == "aborted"


async def test_a_resting_connection_ends_when_its_time_has_come() -> None:
    loop = asyncio.get_running_loop()
    timer = CoarseTimer(loop, 0.01)
    connection, transport, _ = connected(timer)
    connection.rest_until(loop.time())
    async with asyncio.timeout(5):
        while not transport.ended:
            await asyncio.sleep(0.005)
    assert len(timer) == 1
    connection.connection_lost(None)
    assert len(timer) == 0
    timer.close()


# Uploads


async def test_content_that_is_here_goes_out_with_the_head_in_one_write() -> None:
    for length, sent in ((3, b"abc"), (None, b"3\r\nabc\r\n0\r\n\r\n")):
        connection, transport, _ = connected()
        asking = await _asking(connection, method="POST", content=Whole(b"abc", length))
        assert transport.written == GET + sent
        connection.data_received(OK)
        await asking


async def test_content_in_pieces_goes_out_as_it_comes() -> None:
    connection, transport, told = connected()
    content = Pieces(None, b"ab")
    asking = await _asking(connection, method="POST", content=content)
    await asyncio.sleep(0)
    content.add(b"c")
    content.add(b"")
    for _ in range(5):
        await asyncio.sleep(0)
    assert transport.written == GET + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    connection.data_received(OK)
    await asking
    assert told == ["free"]


async def test_an_answer_before_the_content_has_gone_ends_the_connection() -> None:
    connection, transport, told = connected()
    asking = await _asking(connection, method="POST", content=Pieces(9, b"ab"))
    connection.data_received(OK)
    assert (await asking).content.take() == b"ok"
    assert (transport.ended, told) == ("aborted", [])


async def test_content_waits_for_the_upstreams_word_where_the_caller_does() -> None:
    connection, transport, _ = connected()
    content = Pieces(2, b"ab", b"")
    asking = await _asking(connection, method="POST", content=content, expects_continue=True)
    await asyncio.sleep(0.01)
    assert (transport.written, content.proceeded) == (GET, False)
    connection.data_received(b"HTTP/1.1 100 Continue\r\n\r\n")
    for _ in range(5):
        await asyncio.sleep(0)
    assert (transport.written, content.proceeded) == (GET + b"ab", True)
    connection.data_received(OK)
    await asking


async def test_content_that_was_not_wanted_is_never_asked_for() -> None:
    connection, transport, _ = connected()
    content = Pieces(2, b"ab", b"")
    asking = await _asking(connection, method="POST", content=content, expects_continue=True)
    connection.data_received(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
    assert (await asking).status == 401
    await asyncio.sleep(0.01)
    assert (transport.written, content.proceeded) == (GET, False)


async def test_an_upload_waits_while_the_upstream_does_not_read() -> None:
    connection, transport, _ = connected()
    content = Pieces(4, b"ab", b"cd", b"")
    connection.pause_writing()
    asking = await _asking(connection, method="POST", content=content)
    await asyncio.sleep(0.01)
    assert transport.written == GET + b"ab"
    assert connection.expire_at == pytest.approx(asyncio.get_running_loop().time() + _LIMITS.idle, abs=1)
    connection.resume_writing()
    await asyncio.sleep(0.01)
    assert transport.written == GET + b"abcd"
    connection.data_received(OK)
    await asking


async def test_a_connection_that_ends_while_an_upload_waits_wakes_it() -> None:
    connection, _, _ = connected()
    connection.pause_writing()
    asking = await _asking(connection, method="POST", content=Pieces(4, b"ab"))
    connection.connection_lost(ConnectionResetError())
    assert await _failure(asking) is UpstreamDisconnected


# Upgrades


async def test_after_a_101_bytes_pass_both_ways() -> None:
    connection, transport, told = connected()
    asking = await _asking(connection, upgrade=b"odd/1")
    connection.data_received(b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: odd/1\r\n\r\nfirst")
    tunnel = (await asking).tunnel
    assert tunnel is not None
    assert (tunnel.protocol, await tunnel.read()) == (b"odd/1", b"first")
    await tunnel.write(b"up")
    assert transport.written == GET + b"up"
    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n")
    assert await tunnel.read() == b"HTTP/1.1 200 OK\r\n\r\n"
    connection.connection_lost(ConnectionResetError())
    assert await tunnel.read() == b""
    assert told == ["lost"]


async def test_a_tunnel_says_that_no_more_comes_and_closes() -> None:
    connection, transport, _ = connected()
    asking = await _asking(connection, upgrade=b"odd/1")
    connection.data_received(b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: odd/1\r\n\r\n")
    tunnel = (await asking).tunnel
    assert tunnel is not None
    tunnel.finish()
    assert transport.ended == "finished"
    tunnel.close()
    assert not connection.is_quiet()
