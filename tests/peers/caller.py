"""A caller that sends exactly the bytes it is told to, and reads answers strictly.

It never repairs: a head with a bare line feed, a repeated length or a cut body is reported as what it is.
"""

import asyncio
import contextlib
import json
import re
from dataclasses import dataclass, field
from typing import Any, Self

__all__ = ["Answer", "Caller", "NotHttp"]

_STATUS = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) ([\t -~\x80-\xff]*)")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")


class NotHttp(AssertionError):
    """What came back is not an answer that a strict reader accepts."""


@dataclass(slots=True)
class Answer:
    """`whole` is False when the connection ended, or was reset, before the content did."""

    status: int
    reason: bytes
    fields: list[tuple[bytes, bytes]]
    content: bytes = b""
    whole: bool = True
    interim: list["Answer"] = field(default_factory=list)

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name: bytes) -> bytes | None:
        return next(iter(self.all(name)), None)

    def problem(self) -> dict[str, Any]:
        """The problem document, its form checked: media type, members, and agreement with the status line."""
        assert self.get(b"content-type") == b"application/problem+json", self
        document: dict[str, Any] = json.loads(self.content)
        assert document["status"] == self.status, self
        assert document["type"] == f"urn:outrider:error:{document['code']}", self
        assert {"title", "detail", "stage", "retryable", "request_id"} <= document.keys(), self
        assert (self.get(b"proxy-status") or b"").startswith(b"outrider; error="), self
        return document

    @property
    def code(self) -> str:
        return str(self.problem()["code"])


class _Receiver(asyncio.Protocol):
    """Keeps what arrived even when a reset follows, which asyncio's stream reader throws away."""

    def __init__(self) -> None:
        self.arrived = bytearray()
        self.ended = False
        self.reset = False
        self._change = asyncio.Event()
        self.lost = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self.arrived += data
        self._change.set()

    def eof_received(self) -> bool:
        self.ended = True
        self._change.set()
        return True  # the caller's side stays open until it closes it itself

    def connection_lost(self, exc: Exception | None) -> None:
        self.reset = self.reset or exc is not None
        self.ended = True
        self._change.set()
        self.lost.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def drained(self) -> None:
        await self._writable.wait()

    async def take(self) -> bytes:
        """Whatever has arrived, waited for; `b""` at the end."""
        while not self.arrived and not self.ended:
            self._change.clear()
            await self._change.wait()
        data = bytes(self.arrived)
        self.arrived.clear()
        return data


class Caller:
    """One connection to Outrider."""

    def __init__(self, transport: asyncio.Transport, receiver: _Receiver) -> None:
        self.transport = transport
        self._receiver = receiver
        self._buffer = b""

    @classmethod
    async def connect(cls, port: int, host: str = "127.0.0.1") -> Self:
        return cls(*await asyncio.get_running_loop().create_connection(_Receiver, host, port))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close at once: what was not sent yet is not waited for."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        self.transport.close()
        await self._receiver.lost.wait()

    async def send(self, data: bytes) -> None:
        # Outrider may rightly have answered and closed before it read everything.
        if not self.transport.is_closing():
            self.transport.write(data)
            await self._receiver.drained()

    async def answer(self, method: bytes = b"GET", timeout: float = 10) -> Answer:
        """The next final answer. Raises EOFError when the connection ends before its head."""
        return await asyncio.wait_for(self._answer(method), timeout)

    async def head(self, timeout: float = 10) -> Answer:
        """The next head, interim ones included, without its content."""
        return await asyncio.wait_for(self._head(), timeout)

    async def piece(self, timeout: float = 10) -> bytes:
        """Whatever comes next, unparsed; `b""` at the end."""
        if self._buffer:
            piece, self._buffer = self._buffer, b""
            return piece
        return await asyncio.wait_for(self._receiver.take(), timeout)

    async def chunk(self, timeout: float = 10) -> bytes:
        """The next chunk of an answer that is still being written; `b""` at its end."""
        async with asyncio.timeout(timeout):
            size = int(await self._until(b"\r\n"), 16)
            data, whole = await self._exactly(size + 2)
        if not whole:
            raise EOFError(data)
        return data[:-2]

    async def rest(self, timeout: float = 10) -> bytes:
        """Everything up to the end of the connection."""
        data = b""
        while piece := await self.piece(timeout):
            data += piece
        return data

    async def closed(self, timeout: float = 5) -> bool:
        """Whether the other side ends the connection, with nothing more said, in time."""
        try:
            return await self.piece(timeout) == b""
        except TimeoutError:
            return False

    async def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            piece = await self._receiver.take()
            if not piece:
                raise EOFError(self._buffer)
            self._buffer += piece
        found, _, self._buffer = self._buffer.partition(end)
        return found

    async def _answer(self, method: bytes) -> Answer:
        interim = []
        while (answer := await self._head()).status < 200 and answer.status != 101:
            interim.append(answer)
        answer.interim = interim
        await self._content(answer, method)
        return answer

    async def _head(self) -> Answer:
        first, *lines = (await self._until(b"\r\n\r\n")).split(b"\r\n")
        status = _STATUS.fullmatch(first)
        fields = [_FIELD.fullmatch(line) for line in lines]
        if status is None or None in fields:
            raise NotHttp((first, lines))
        return Answer(int(status[1]), status[2], [(found[1], found[2]) for found in fields if found])

    async def _content(self, answer: Answer, method: bytes) -> None:
        lengths, codings = answer.all(b"content-length"), answer.all(b"transfer-encoding")
        if len(lengths) > 1 or len(codings) > 1 or (lengths and codings):
            raise NotHttp(answer)
        if method == b"HEAD" or answer.status in (101, 204, 304):
            return
        if codings:
            await self._chunks(answer)
        elif lengths:
            answer.content, answer.whole = await self._exactly(int(lengths[0]))
        else:
            await self._to_the_end(answer)

    async def _exactly(self, count: int) -> tuple[bytes, bool]:
        pieces, have = [self._buffer], len(self._buffer)
        while have < count and (piece := await self._receiver.take()):
            pieces.append(piece)
            have += len(piece)
        data = b"".join(pieces)
        self._buffer = data[count:]
        return data[:count], len(data) >= count

    async def _chunks(self, answer: Answer) -> None:
        pieces = []
        try:
            while size := int(await self._until(b"\r\n"), 16):
                piece, answer.whole = await self._exactly(size)
                pieces.append(piece)
                if not answer.whole:
                    return
                if await self._until(b"\r\n"):
                    raise NotHttp("a chunk does not end where its size says")
            while await self._until(b"\r\n"):
                pass
        except EOFError:
            answer.whole = False
        finally:
            answer.content = b"".join(pieces)

    async def _to_the_end(self, answer: Answer) -> None:
        pieces, self._buffer = [self._buffer], b""
        while piece := await self._receiver.take():
            pieces.append(piece)
        # A reset is how a cut answer without framing shows; it may follow the last bytes by a moment.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._receiver.lost.wait(), 0.05)
        answer.whole = not self._receiver.reset
        answer.content = b"".join(pieces)
