"""The caller's content on its way in: counted, capped, and given up when it comes too slowly.

What must not live here: what happens to the content.
"""

import asyncio
from typing import TYPE_CHECKING

from aiohttp.streams import StreamReader

from proxy.errors import BadRequest, ContentTooLarge, OutriderError

if TYPE_CHECKING:
    from proxy.edge.caller import CallerConnection

__all__ = ["CallerContent"]

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class CallerContent:
    """`received` counts bytes; `waiting` tells that somebody waits for the caller right now."""

    __slots__ = ("_cap", "_connection", "_expects", "_failure", "_payload", "length", "received", "waiting")

    def __init__(
        self, connection: "CallerConnection", payload: StreamReader, length: int | None, cap: int, expects: bool
    ) -> None:
        self.length = length
        self.received = 0
        self.waiting = False
        self._connection = connection
        self._payload = payload
        self._cap = cap
        self._expects = expects
        self._failure: OutriderError | None = None

    @property
    def payload(self) -> StreamReader:
        return self._payload

    @property
    def complete(self) -> bool:
        """Whether the caller has sent all of it."""
        return self._payload.is_eof()

    def take(self) -> bytes | None:
        payload = self._payload
        if not payload.is_eof() or payload.exception() is not None:
            return None
        return self._count(payload.read_nowait(-1))

    async def read(self) -> bytes:
        self.waiting = True
        try:
            return self._count(await self._payload.readany())
        except (asyncio.CancelledError, OutriderError):
            raise
        except Exception as error:
            # The parser and the connection put various exceptions into the payload; for us they mean the same.
            raise self._failure or BadRequest("The request's content is malformed or was cut off.") from error
        finally:
            self.waiting = False

    def proceed(self) -> None:
        if self._expects:
            self._expects = False
            transport = self._connection.transport
            if transport is not None and not self._payload.is_eof():
                transport.write(_CONTINUE)

    def fail(self, error: OutriderError) -> None:
        """End the wait of who reads."""
        if self._failure is None:
            self._failure = error
            self._payload.set_exception(ConnectionError("given up"))

    def _count(self, data: bytes) -> bytes:
        self.received += len(data)
        if self.received > self._cap:
            raise ContentTooLarge(f"The content is larger than {self._cap} bytes (limits.body).")
        return data
