"""A scripted upstream for what no real server does.

A script is a coroutine function that is given each connection as it is accepted, and says byte for byte what to answer
and when. Everything that arrived is kept, as bytes and as requests read by the strict grammar.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Self

from tests.peers.grammar import Head, Malformed, Request, parse_chunk_size, parse_fields, parse_head

__all__ = ["Connection", "RawUpstream", "Script", "Scripted"]


class Connection:
    """One accepted connection. `arrived` is every byte of it; `requests` are those that were read whole.

    `ended` is set when its script is over, mostly because the other side has closed.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: "RawUpstream") -> None:
        self.reader = reader
        self.writer = writer
        self.upstream = upstream
        self.arrived = bytearray()
        self.heads: list[Head] = []
        self.requests: list[Request] = []
        self.ended = asyncio.Event()
        self._at = 0

    async def more(self) -> bytes:
        """Wait for bytes; raises EOFError at the end."""
        data = await self.reader.read(65536)
        if not data:
            raise EOFError
        self.arrived += data
        return data

    async def until(self, end: bytes) -> bytes:
        while (stop := self.arrived.find(end, self._at)) < 0:
            await self.more()
        found, self._at = bytes(self.arrived[self._at : stop]), stop + len(end)
        return found

    async def exactly(self, count: int) -> bytes:
        while len(self.arrived) < self._at + count:
            await self.more()
        found, self._at = bytes(self.arrived[self._at : self._at + count]), self._at + count
        return found

    async def head(self) -> Head:
        """Read a request's head and leave its content on the wire."""
        head = parse_head(await self.until(b"\r\n\r\n"))
        self.heads.append(head)
        self.upstream.heads.append(head)
        return head

    async def content(self, head: Head) -> Request:
        if not head.chunked:
            request = Request(head, await self.exactly(head.length))
        else:
            request = await self._chunked(head)
        self.requests.append(request)
        self.upstream.requests.append(request)
        return request

    async def request(self) -> Request:
        return await self.content(await self.head())

    async def _chunked(self, head: Head) -> Request:
        pieces = []
        while size := parse_chunk_size(await self.until(b"\r\n")):
            pieces.append(await self.exactly(size))
            if await self.exactly(2) != b"\r\n":
                raise Malformed("a chunk does not end where its size says")
        trailers = []
        while line := await self.until(b"\r\n"):
            trailers.append(line)
        return Request(head, b"".join(pieces), parse_fields(trailers))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def half_close(self) -> None:
        self.writer.write_eof()

    def reset(self) -> None:
        """End with RST, not FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """For a script: wait until the other side has closed."""
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                await self.more()


Script = Callable[[Connection], Awaitable[None]]


class RawUpstream:
    """Listens on a free loopback port for as long as the `async with` lasts."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None, read_limit: int = 2**16) -> None:
        self.script = script
        self.connections: list[Connection] = []
        self.heads: list[Head] = []
        self.requests: list[Request] = []
        self.faults: list[str] = []
        self._tls = tls
        self._read_limit = read_limit
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", 0, ssl=self._tls, limit=self._read_limit, backlog=1024
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.authority = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if self._tls else 'http'}://{self.authority}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def targets(self) -> list[bytes]:
        return [head.target for head in self.heads]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, self)
        self.connections.append(connection)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self.script(connection)
        except (EOFError, ConnectionError):
            pass  # the other side went away: how each script's loop ends
        except Malformed as fault:
            self.faults.append(str(fault))
        except asyncio.CancelledError:
            pass  # the test is over; the stream server would log a cancelled handler as an error
        finally:
            self._tasks.discard(task)
            connection.ended.set()
            with contextlib.suppress(OSError):
                writer.close()


class Scripted(ABC):
    """A server that is its own script: listens for as long as the `async with` lasts, on a free loopback port."""

    def __init__(self) -> None:
        self._raw = RawUpstream(self._serve)

    async def __aenter__(self) -> Self:
        await self._raw.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._raw.__aexit__()

    @property
    def url(self) -> str:
        return self._raw.url

    @property
    def authority(self) -> str:
        return self._raw.authority

    @abstractmethod
    async def _serve(self, connection: Connection) -> None: ...
