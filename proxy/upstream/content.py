"""The upstream's content on its way to whoever reads it, and the queue in which it waits.

Bytes come in from the connection by `feed`; who reads slowly makes the connection stop reading. What must not live
here: framing, sockets.
"""

import asyncio
from typing import Protocol

from proxy.errors import OutriderError

__all__ = ["StreamedContent"]

HIGH_WATER = 256 * 1024
"""Bytes that may wait before the connection stops reading."""


class Flow(Protocol):
    """The connection, as its content sees it."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def abort(self) -> None: ...


class StreamedContent:
    """Content that is still arriving."""

    __slots__ = ("_error", "_flow", "_paused", "_pieces", "_size", "_waiter", "done", "length")

    def __init__(self, flow: Flow, length: int | None) -> None:
        self.length = length
        self.done = False
        self._flow = flow
        self._pieces: list[bytes] = []
        self._size = 0
        self._paused = False
        self._error: OutriderError | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def paused(self) -> bool:
        """Whether the connection was told to stop reading."""
        return self._paused

    @property
    def complete(self) -> bool:
        return self.done and self._error is None

    def feed(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= HIGH_WATER and not self._paused:
            self._paused = True
            self._flow.pause()
        self._wake()

    def finish(self, error: OutriderError | None = None) -> None:
        """No more comes: because it is whole, or because of `error`."""
        if not self.done:
            self.done = True
            self._error = error
            self._wake()

    def take(self) -> bytes | None:
        if not self.done or self._error is not None:
            return None
        return self._drain()

    async def read(self) -> bytes:
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self.done:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._drain()

    def close(self) -> None:
        if not self.done:
            self.done = True
            self._flow.abort()

    def _drain(self) -> bytes:
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            if not self.done:
                self._flow.resume()
        return data

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
