"""Moves an answer to the caller: head, content with backpressure, the framing that the caller understands.

A response that breaks off cuts the caller's connection, so that it never looks whole. What must not live here:
deciding what is answered (`handler`).
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

from proxy.edge.answer import local_head, relayed_head
from proxy.edge.caller import CallerConnection
from proxy.edge.proxy_status import proxy_status
from proxy.edge.visit import Visit
from proxy.errors import OutriderError
from proxy.message import Response

__all__ = ["SlowReader", "relay", "send_local", "stream_local"]


class SlowReader(Exception):
    """Thrown into what makes the pieces of an answer whose reader is let go because it does not read."""


_CHUNKED = b"\r\nTransfer-Encoding: chunked"


def write(connection: CallerConnection, data: bytes) -> None:
    """Raises ConnectionResetError when the caller is gone."""
    transport = connection.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the caller is gone")
    transport.write(data)


def send_local(visit: Visit, status: int, lines: list[bytes], content: bytes | None) -> None:
    """An answer of Outrider's own, without content when `content` is None."""
    visit.status = status
    length = None if content is None else len(content)
    head = local_head(status, lines, length, visit.request_id, visit.keep_alive, visit.old)
    write(visit.connection, head if content is None or visit.method == "HEAD" else head + content)


async def stream_local(
    visit: Visit, status: int, lines: list[bytes], pieces: AsyncGenerator[bytes, None], patience: float
) -> None:
    """An answer of Outrider's own, piece by piece. Who makes no room within `patience` seconds is cut off."""
    connection = visit.connection
    chunked = not visit.old
    visit.status, visit.keep_alive = status, visit.keep_alive and chunked
    framed = [*lines, b"Transfer-Encoding: chunked"] if chunked else lines
    write(connection, local_head(status, framed, None, visit.request_id, visit.keep_alive, visit.old))
    if visit.method == "HEAD":
        return
    async for piece in pieces:
        write(connection, b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if connection.writing_paused:
            try:
                async with asyncio.timeout(patience):
                    await connection.drained()
            except TimeoutError:
                connection.abort()
                visit.keep_alive = False
                await _tell(pieces)
                return
    if chunked:
        write(connection, b"0\r\n\r\n")


async def _tell(pieces: AsyncGenerator[bytes, None]) -> None:
    try:
        await pieces.athrow(SlowReader())
    except (SlowReader, StopAsyncIteration):
        return


def relay(visit: Visit, response: Response) -> Coroutine[Any, Any, None] | None:
    """The upstream's response; what is left to be waited for, where not all of it can be written at once.

    Raises ConnectionError when the caller is gone; closes the response in any case.
    """
    connection = visit.connection
    is_streamed = False
    try:
        visit.status = status = response.status
        visit.keep_alive = visit.may_keep_alive()
        if visit.exchange is not None and (status_line := proxy_status(visit.exchange)) is not None:
            response.lines = [*response.lines, status_line]
        if visit.method == "HEAD" or status == 204 or status == 304:
            write(connection, relayed_head(response, b"", visit.request_id, visit.keep_alive, visit.old))
            return None
        whole = response.content.take()
        if whole is None:
            is_streamed = True
            return _stream(visit, response)
        visit.sent = visit.length = len(whole)
        framing = b"\r\nContent-Length: %d" % len(whole)
        write(connection, relayed_head(response, framing, visit.request_id, visit.keep_alive, visit.old) + whole)
        return connection.drained() if connection.writing_paused else None
    finally:
        if not is_streamed:
            response.close()


async def _stream(visit: Visit, response: Response) -> None:
    connection, content = visit.connection, response.content
    chunked = False
    visit.length = content.length
    if content.length is not None:
        framing = b"\r\nContent-Length: %d" % content.length
    elif visit.old:
        # HTTP/1.0 knows no chunks: the end of the connection is the end of the content.
        framing, visit.keep_alive = b"", False
    else:
        framing, chunked = _CHUNKED, True
    try:
        write(connection, relayed_head(response, framing, visit.request_id, visit.keep_alive, visit.old))
        while piece := await content.read():
            visit.sent += len(piece)
            write(connection, b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if connection.writing_paused:
                await connection.drained()
        if chunked:
            write(connection, b"0\r\n\r\n")
    except OutriderError:
        connection.abort()
        raise
    finally:
        response.close()
