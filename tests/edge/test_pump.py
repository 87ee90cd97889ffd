"""How an answer is framed for its caller, and that one which breaks off never looks whole."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from proxy.edge.pump import relay, send_local, stream_local
from proxy.edge.visit import Visit
from proxy.errors import UpstreamDisconnected
from proxy.message import Response
from proxy.message.whole import WholeContent


class Wire:
    """The caller's connection: what was written to it, and whether it was cut."""

    def __init__(self) -> None:
        self.transport: Wire | None = self
        self.written = b""
        self.waits = 0
        self.cut = self.writing_paused = self.never_drains = False

    def is_closing(self) -> bool:
        return self.cut

    def write(self, data: bytes) -> None:
        self.written += data

    async def drained(self) -> None:
        self.waits += 1
        if self.never_drains:
            raise TimeoutError  # as after the caller's patience

    def abort(self) -> None:
        self.cut = True


class Pieces:
    """Content of the upstream that comes bit by bit, and perhaps breaks off."""

    complete = False
    closed = False

    def __init__(self, *pieces: bytes, length: int | None = None, breaks: bool = False) -> None:
        self._pieces, self.length, self._breaks = list(pieces), length, breaks

    def take(self) -> bytes | None:
        return None

    async def read(self) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        if self._breaks:
            raise UpstreamDisconnected("made up")
        return b""

    def close(self) -> None:
        self.closed = True


def visit(wire: Wire, method: str = "GET", *, old: bool = False) -> Visit:
    facts = SimpleNamespace(
        connection=wire, method=method, old=old, exchange=None, request_id=b"id", may_keep_alive=lambda: True,
        keep_alive=True, status=0, sent=0, length=None,
    )  # fmt: skip
    return cast(Visit, facts)


async def relayed(made: Visit, content: Any, status: int = 200) -> tuple[bytes, bytes]:
    """What the caller gets: head and content."""
    rest = relay(made, Response(status, b"OK", [b"X-A: b"], content))
    if rest is not None:
        await rest
    head, _, body = cast(Wire, made.connection).written.partition(b"\r\n\r\n")
    return head, body


async def test_whole_content_goes_out_with_its_length() -> None:
    made = visit(Wire())
    head, body = await relayed(made, WholeContent(b"abc"))
    assert b"\r\nContent-Length: 3" in head
    assert (body, made.status, made.sent) == (b"abc", 200, 3)


async def test_content_of_known_length_keeps_it() -> None:
    head, body = await relayed(visit(Wire()), Pieces(b"ab", b"c", length=3))
    assert b"\r\nContent-Length: 3" in head
    assert body == b"abc"


async def test_content_of_unknown_length_goes_in_chunks_with_an_end() -> None:
    head, body = await relayed(visit(Wire()), Pieces(b"ab", b"c"))
    assert b"\r\nTransfer-Encoding: chunked" in head
    assert body == b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"


async def test_an_old_caller_gets_no_chunks_and_its_connection_ends() -> None:
    made = visit(Wire(), old=True)
    head, body = await relayed(made, Pieces(b"ab", b"c"))
    assert b"Transfer-Encoding" not in head
    assert (body, made.keep_alive) == (b"abc", False)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_where_there_can_be_no_content_there_is_none_and_the_answer_is_closed(method: str, status: int) -> None:
    content = Pieces(b"ab")
    _, body = await relayed(visit(Wire(), method), content, status)
    assert (body, content.closed) == (b"", True)


@pytest.mark.parametrize("length", [None, 9])
async def test_an_answer_that_breaks_off_cuts_the_connection(length: int | None) -> None:
    wire, content = Wire(), Pieces(b"ab", length=length, breaks=True)
    with pytest.raises(UpstreamDisconnected):
        await relayed(visit(wire), content)
    assert (wire.cut, content.closed) == (True, True)
    assert not wire.written.endswith(b"0\r\n\r\n")


async def test_a_caller_that_is_gone_is_told_nothing_and_the_answer_is_closed() -> None:
    wire, content = Wire(), Pieces(b"ab")
    wire.cut = True
    with pytest.raises(ConnectionError):
        await relayed(visit(wire), content)
    assert (wire.written, content.closed) == (b"", True)


@pytest.mark.parametrize("kind", [WholeContent, Pieces])
async def test_who_reads_slowly_is_waited_for(kind: type[Any]) -> None:
    wire = Wire()
    wire.writing_paused = True
    await relayed(visit(wire), kind(b"abc"))
    assert wire.waits == 1


@pytest.mark.parametrize(("method", "sent"), [("GET", b"abc"), ("HEAD", b"")])
async def test_an_answer_of_our_own_tells_its_length_to_head_too(method: str, sent: bytes) -> None:
    wire = Wire()
    send_local(visit(wire, method), 404, [b"X-A: b"], b"abc")
    head, _, body = wire.written.partition(b"\r\n\r\n")
    assert b"\r\nContent-Length: 3" in head
    assert body == sent


async def test_who_makes_no_room_for_a_stream_in_time_is_cut_and_its_source_is_told() -> None:
    wire, ended = Wire(), []
    wire.writing_paused = wire.never_drains = True

    async def pieces() -> Any:
        try:
            yield b"one"
            yield b"two"
        except Exception as thrown:  # the source may only be told of one thing
            ended.append(type(thrown).__name__)
            raise

    await stream_local(visit(wire), 200, [], pieces(), patience=5)
    assert (wire.cut, ended) == (True, ["SlowReader"])
    assert b"two" not in wire.written
