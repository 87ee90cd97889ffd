"""The upstream of ours, run as a program: `plain_upstream.py PORT`.

`GET /large/SIZE` answers with that many bytes, any other request with 700 bytes of JSON, a request with content with
how much of it arrived. It serves the transfers always (a usual server answers an upload before it is there, or stores
it), and everything where nginx is not installed. What must not live here: HTTP beyond what the contestants send.
"""

import asyncio
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmark.framing import LAST_CHUNK, Head, parse_head

__all__ = ["JSON_CONTENT", "Upstream"]

JSON_CONTENT = b'{"items":"' + b"x" * 688 + b'"}'
"""700 bytes, as small answers of an API often have."""

_BLOCK = memoryview(b"x" * (256 * 1024))


def _ok(content: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


_JSON = _ok(JSON_CONTENT)


class Upstream(asyncio.BufferedProtocol):
    """One connection. Content is counted where it lies in the receive buffer, and never kept."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(256 * 1024))
        self._head = bytearray()
        self._content: Head | None = None
        self._received = 0
        self._tail = b""
        self._writable = asyncio.Event()
        self._writable.set()
        self._sending: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._sending is not None:
            self._sending.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._content is not None:
            self._count(self._content, self._buffer[:nbytes])
            return
        self._head += self._buffer[:nbytes]
        while (head := parse_head(self._head)) is not None and self._content is None:
            message, self._head = self._head[: head.size], self._head[head.size :]
            if head.length or head.chunked:
                self._content, self._received, self._tail = head, 0, b""
                rest, self._head = self._head, bytearray()
                self._count(head, memoryview(rest))
            else:
                self._answer(bytes(message))

    def _count(self, head: Head, data: memoryview) -> None:
        # The content is the letter x only, so that in chunked content it can be told from the framing.
        self._received += bytes(data).count(b"x") if head.chunked else len(data)
        self._tail = (self._tail + bytes(data[-len(LAST_CHUNK) :]))[-len(LAST_CHUNK) :]
        if self._received == head.length or (head.chunked and self._tail == LAST_CHUNK):
            self._content = None
            self._transport.write(_ok(f'{{"received":{self._received}}}'.encode()))

    def _answer(self, message: bytes) -> None:
        path = message.split(b" ", 2)[1]
        if path.startswith(b"/large/"):
            self._sending = asyncio.get_running_loop().create_task(self._send(int(path[7:])))
        else:
            self._transport.write(_JSON)

    async def _send(self, size: int) -> None:
        self._transport.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        # A write to a lost connection is no error and never has to wait: it must be asked for.
        while size and not self._transport.is_closing():
            await self._writable.wait()
            self._transport.write(_BLOCK[:size])
            size -= min(size, len(_BLOCK))


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
