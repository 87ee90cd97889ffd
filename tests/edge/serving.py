"""An edge server on a free port with a handler that the test gives."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from proxy.config.model import Limits
from proxy.edge.caller import CallerConnection
from proxy.edge.server import EdgeServer, Handle
from proxy.errors import OutriderError

__all__ = ["ANSWER", "Serving", "asked", "serving"]

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Serving:
    def __init__(self, server: EdgeServer, port: int, refusals: list[OutriderError]) -> None:
        self.server = server
        self.port = port
        self.refusals = refusals


@asynccontextmanager
async def serving(handle: Handle, **limits: Any) -> AsyncIterator[Serving]:
    refusals: list[OutriderError] = []
    loop = asyncio.get_running_loop()
    server = EdgeServer(handle, Limits(**limits), loop, refusals.append)
    listening = await loop.create_server(server, "127.0.0.1", 0)
    try:
        yield Serving(server, listening.sockets[0].getsockname()[1], refusals)
    finally:
        listening.close()
        await server.shutdown(0.1)


def asked(target: bytes = b"/", *lines: bytes, method: bytes = b"GET") -> bytes:
    return b"\r\n".join([b"%b %b HTTP/1.1" % (method, target), b"Host: a", *lines, b"", b""])


def answering(seen: list[str], keep: Callable[[str], bool] = lambda path: True) -> Handle:
    """Answers `ok` to every request, notes its path, and keeps the connection as `keep` says."""

    async def handle(connection: CallerConnection, message: Any, payload: Any) -> bool:
        seen.append(message.path)
        assert connection.transport is not None
        connection.transport.write(ANSWER)
        return keep(message.path)

    return handle
