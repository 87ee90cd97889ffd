"""aiohttp's connection with a leaner main loop: no task, writer, request or response object for each request.

The parser, the queue of pipelined requests, flow control and shutdown stay aiohttp's; only `start`, which takes one
request after the other, is replaced. What it relies on is held in place by `tests/edge/test_lean.py`. What must not
live here: what a request means.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

if TYPE_CHECKING:
    from proxy.edge.server import EdgeServer

__all__ = ["LeanRequestHandler"]

LINGER = 2.0
"""Seconds for which content that nobody wants is still read, so that the caller can read its answer (RFC 9112 §9.6)."""


class LeanRequestHandler(RequestHandler):
    """Runs the server's `handle` of the moment for each request, and `handle_garbage` for what the parser refused.

    Both write their answers themselves; `handle` tells whether another request may follow.
    """

    __slots__ = ("_edge",)

    def __init__(self, edge: "EdgeServer", loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(edge, loop=loop, **options)
        self._edge = edge

    def enter(self, payload: StreamReader) -> None:
        """A request is about to be handled, whose content is `payload`."""

    def leave(self) -> None:
        """It has been answered."""

    def handle_garbage(self, error: BaseException, message: str) -> None:
        """Answer what is not a request."""

    async def start(self) -> None:
        """One request after the other, until the connection is no longer to be used."""
        messages = self._messages
        edge = self._edge
        try:
            while not self._force_close:
                if not messages:
                    self._waiter = self._loop.create_future()
                    try:
                        await self._waiter
                    finally:
                        self._waiter = None
                message, payload = messages.popleft()
                self._make_room()
                if not isinstance(message, RawRequestMessage):
                    self.handle_garbage(message.exc, message.message)
                    break
                self._request_in_progress = True
                try:
                    self.enter(payload)
                    keep_alive = await edge.handle(self, message, payload)
                    self.leave()
                finally:
                    self._request_ended()
                if not keep_alive or self._close:
                    await self._linger(payload)
                    break
        except asyncio.CancelledError:
            self.force_close()
            raise
        if not self._force_close:
            self._task_handler = None
            if self.transport is not None:
                self.transport.close()

    def _make_room(self) -> None:
        """A place in the queue of pipelined requests is free again."""
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()

    def _request_ended(self) -> None:
        self._request_in_progress = False
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)

    async def _linger(self, payload: StreamReader) -> None:
        if payload.is_eof() or self._force_close:
            return
        try:
            async with asyncio.timeout(LINGER):
                while not payload.is_eof():
                    await payload.readany()
        except asyncio.CancelledError:
            raise
        except Exception:
            # The content ended badly, or not in time: either way the connection ends now.
            return
