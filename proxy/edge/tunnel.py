"""Upgraded connections: after the upstream's 101, bytes both ways as they come.

What must not live here: what the bytes mean; deciding whether an upgrade is passed on.
"""

import asyncio
from typing import Any, Protocol, cast

from proxy.clock import NEVER
from proxy.edge.answer import relayed_head
from proxy.edge.caller import CallerConnection
from proxy.edge.pump import write
from proxy.errors import OutriderError
from proxy.message import Response
from proxy.message.tunnel import Tunnel

__all__ = ["Counts", "run_tunnel"]

_HIGH_WATER = 256 * 1024


class Counts(Protocol):
    """Where the bytes from and to the caller are counted."""

    received: int
    sent: int


class _Inbox:
    """What the caller sends, in the form that aiohttp's connection feeds: `feed_data` and `feed_eof`."""

    def __init__(self, connection: CallerConnection, counts: Counts) -> None:
        self._connection = connection
        self._counts = counts
        self._pieces: list[bytes] = []
        self._size = 0
        self._ended = False
        self._arrived = asyncio.Event()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._pieces.append(data)
        self._size += len(data)
        self._counts.received += len(data)
        if self._size >= _HIGH_WATER and self._connection.transport is not None:
            self._connection.transport.pause_reading()
        self._arrived.set()
        return False, b""

    def feed_eof(self) -> None:
        self._ended = True
        self._arrived.set()

    async def read(self) -> bytes:
        while not self._pieces and not self._ended:
            self._arrived.clear()
            await self._arrived.wait()
        data = b"".join(self._pieces)
        self._pieces.clear()
        if self._size >= _HIGH_WATER and self._connection.transport is not None:
            self._connection.transport.resume_reading()
        self._size = 0
        return data


async def run_tunnel(connection: CallerConnection, response: Response, request_id: bytes, counts: Counts) -> None:
    """Answer 101 and pass bytes until one side ends."""
    tunnel = response.tunnel
    assert tunnel is not None
    inbox = _Inbox(connection, counts)
    framing = b"\r\nConnection: Upgrade\r\nUpgrade: " + tunnel.protocol
    try:
        write(connection, relayed_head(response, framing, request_id, keep_alive=True, old=False))
        connection.set_parser(cast(Any, inbox))
        connection.expire_at = NEVER
        upward = asyncio.get_running_loop().create_task(_upward(inbox, tunnel))
        try:
            while data := await tunnel.read():
                counts.sent += len(data)
                write(connection, data)
                if connection.writing_paused:
                    await connection.drained()
        except OutriderError:
            connection.abort()
        finally:
            upward.cancel()
    finally:
        response.close()


async def _upward(inbox: _Inbox, tunnel: Tunnel) -> None:
    try:
        while data := await inbox.read():
            await tunnel.write(data)
    except OutriderError:
        # The upstream is gone; the other direction hears of it by itself.
        return
    tunnel.finish()
