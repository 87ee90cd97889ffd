"""One caller's connection, with the deadlines, caps and strictness that aiohttp's lacks.

Together with `lean` and `server` it leans on the server's inner workings; `tests/edge/test_lean.py` holds aiohttp to
what is relied on. What must not live here: what a request means (`head`), what happens to it (`handler`).
"""

import asyncio
import contextlib
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import BadHttpMethod, LineTooLong
from aiohttp.streams import StreamReader

from proxy.clock import NEVER
from proxy.edge.answer import local_head
from proxy.edge.caller_content import CallerContent
from proxy.edge.lean import LeanRequestHandler
from proxy.edge.methods import STAND_IN, split_method
from proxy.edge.problem import problem_answer
from proxy.errors import BadRequest, HeadTooLarge, OutriderError, RequestTimeout

if TYPE_CHECKING:
    from proxy.edge.server import EdgeServer

__all__ = ["CallerConnection"]

_RESET = struct.pack("ii", 1, 0)

RATE_WINDOW = 5.0
"""Seconds over which a slow upload is judged."""


class CallerConnection(LeanRequestHandler):
    """`expire_at` is the end of what the connection is doing now: being idle, sending a head, content, or reading.

    `head_bytes` is what arrived up to the end of the last head, and maybe more; `is_aligned` tells that chunked content
    ended where nothing of it can reach the next request.
    """

    __slots__ = (
        "_counted",
        "_head_bytes",
        "_stand_in_for",
        "content",
        "expire_at",
        "head_bytes",
        "is_aligned",
        "is_local_socket",
        "stalled",
    )

    def __init__(self, edge: "EdgeServer", loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(edge, loop, **options)
        self._head_bytes = 0
        self._counted = 0
        self._stand_in_for: str | None = None
        self.head_bytes = 0
        self.content: CallerContent | None = None
        self.stalled = False
        self.is_aligned = False
        self.is_local_socket = False
        self.expire_at = NEVER

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        edge = self._edge
        edge.timer.add(self)
        self.expire_at = self._loop.time() + edge.limits.head_timeout
        self.is_local_socket = transport.get_extra_info("socket").family == socket.AF_UNIX
        refusal = edge.admit(self)
        if refusal is not None:
            self.refuse(refusal)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._edge.timer.discard(self)
        self._edge.left(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._waiter is None:
            self._receive_busy(data)
        else:
            self._receive_head(data)

    # Receiving

    def _receive_head(self, data: bytes) -> None:
        """Bytes while no request is being handled: a head, and maybe the content behind it."""
        if not self._head_bytes:
            self.expire_at = self._loop.time() + self._edge.limits.head_timeout
        self._head_bytes += len(data)
        super().data_received(data)
        messages = self._messages
        if not messages:
            if self._head_bytes > self._edge.limits.head:
                self.refuse(HeadTooLarge(f"The head is larger than {self._edge.limits.head} bytes (limits.head)."))
            return
        first = messages[0][0]
        if isinstance(getattr(first, "exc", None), BadHttpMethod) and self._retry_method(data):
            first = messages[0][0]
        self.head_bytes = self._head_bytes
        self._head_bytes = 0
        self.is_aligned = False
        if getattr(first, "chunked", False):
            self._renew_parser_after(data, messages[0][1], 1)

    def _receive_busy(self, data: bytes) -> None:
        """Bytes while a request is being handled: its content, requests pipelined behind it, or tunnelled bytes."""
        before = len(self._messages)
        super().data_received(data)
        content = self.content
        if content is not None:
            if len(self._messages) > before and hasattr(self._messages[-1][0], "exc") and not content.complete:
                content.fail(BadRequest("The request's content is not framed as HTTP demands."))
            elif content.length is None:
                self._renew_parser_after(data, content.payload, 0)

    def _renew_parser_after(self, data: bytes, payload: StreamReader, queued: int) -> None:
        """Start afresh behind chunked content.

        The parser turns the last trailer of chunked content into a field of the request that follows, so a new one
        takes its place where the content certainly ends with `data`: nothing else has been parsed, and what came last
        is the end of a message. Everywhere else the connection closes after the answer.
        """
        if payload.is_eof() and len(self._messages) == queued and data.endswith(b"\r\n\r\n"):
            self._parser = self._edge.new_parser(self)
            self.is_aligned = True

    def _retry_method(self, data: bytes) -> bool:
        """Parse a method that the parser does not know under another name, when it begins a request for certain."""
        method, rest = split_method(data)
        if method is None or self._head_bytes != len(data) or len(self._messages) != 1:
            return False
        refused = self._messages.popleft()
        self._parser = self._edge.new_parser(self)
        super().data_received(STAND_IN + rest)
        if self._messages:
            self._stand_in_for = method
            return True
        # aiohttp's task has been woken for a message, so there must be one; a head in pieces is refused.
        self._messages.append(refused)
        return False

    def real_method(self, parsed: str) -> str:
        """The method as the caller sent it."""
        stand_in, self._stand_in_for = self._stand_in_for, None
        return stand_in or parsed

    @property
    def is_lame(self) -> bool:
        """Whether the server is about to stop, so that every answer says `Connection: close`."""
        return self._edge.lame

    @property
    def is_idle(self) -> bool:
        """Whether nothing of a request is here or on its way through."""
        return self._waiter is not None and not self._messages and not self._head_bytes

    # Deadlines

    def rest(self, now: float) -> None:
        """Between requests."""
        self.content = None
        self.expire_at = now + self._edge.limits.idle_timeout

    def receive(self, content: CallerContent | None) -> None:
        """A request is being handled."""
        self.content = content
        if content is None or content.complete or not self._edge.limits.min_body_rate:
            self.expire_at = NEVER
        else:
            self._counted = 0
            self.expire_at = self._loop.time() + RATE_WINDOW

    async def drained(self) -> None:
        """Wait while the caller does not read, no longer than its idle limit."""
        self.stalled = True
        self.expire_at = self._loop.time() + self._edge.limits.idle_timeout
        try:
            await self._drain_helper()
        finally:
            self.stalled = False
            self.expire_at = NEVER

    def expire(self, now: float) -> None:
        content = self.content
        if self.stalled:
            self.abort()
        elif self._waiter is None and content is not None and not content.complete:
            self._judge_rate(content, now)
        elif self._waiter is None:
            self.expire_at = NEVER
        elif self._head_bytes:
            self.refuse(RequestTimeout("The head did not arrive in time (limits.head_timeout)."))
        else:
            self.force_close()

    def _judge_rate(self, content: CallerContent, now: float) -> None:
        if content.waiting and content.received - self._counted < self._edge.limits.min_body_rate * RATE_WINDOW:
            content.fail(RequestTimeout("The content comes too slowly (limits.min_body_rate)."))
            self.expire_at = NEVER
        else:
            self._counted = content.received
            self.expire_at = now + RATE_WINDOW

    # Refusals that come before a request exists

    def refuse(self, error: OutriderError) -> None:
        """Answer without a request, and close."""
        transport = self.transport
        if transport is not None:
            self._write_problem(error)
            self.expire_at = NEVER
            self.force_close()

    def abort(self) -> None:
        """Cut the connection, so that what was sent cannot look whole."""
        transport = self.transport
        if transport is not None:
            self._force_close = True
            # Without this the kernel may end the connection in good order, and a cut answer would look whole to a
            # caller that reads until the end.
            sock = transport.get_extra_info("socket")
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(sock.fileno())) as real:
                real.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()

    def _write_problem(self, error: OutriderError) -> None:
        edge = self._edge
        edge.count_refusal(error)
        request_id = edge.new_request_id()
        lines, content = problem_answer(error, request_id)
        if self.transport is not None:
            head = local_head(error.status, lines, len(content), request_id, keep_alive=False, old=False)
            self.transport.write(head + content)

    async def handle(self, message: RawRequestMessage, payload: StreamReader) -> bool:
        return await self._edge.handle(self, message, payload)

    def handle_garbage(self, error: BaseException, message: str) -> None:
        if isinstance(error, LineTooLong) or "Too many headers" in message:
            too_large = "A line of the head, or the number of fields, is over the cap (limits.head)."
            self._write_problem(HeadTooLarge(too_large))
        else:
            self._write_problem(BadRequest("The request is not acceptable HTTP: " + _first_line(message)))

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """aiohttp's own messages may hold fields and targets, so they are not written."""


def _first_line(message: str) -> str:
    """What the parser says, without the bytes that it quotes: those stand behind a colon, or are all of it."""
    reason, colon, _ = message.partition(":\n")
    return (reason if colon else "malformed") + "."
