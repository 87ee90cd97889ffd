"""One caller's connection: its deadlines, its refusals, its end.

Together with `lean`, `intake` and `server` it leans on the server's inner workings; `tests/edge/test_lean.py` holds
aiohttp to what is relied on. What must not live here: what a request means (`head`), what happens to it (`handler`).
"""

import asyncio
import contextlib
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from aiohttp.http_exceptions import LineTooLong

from proxy.clock import NEVER
from proxy.edge.answer import local_head
from proxy.edge.caller_content import CallerContent
from proxy.edge.intake import Intake
from proxy.edge.problem import problem_answer
from proxy.errors import BadRequest, HeadTooLarge, OutriderError, RequestTimeout

if TYPE_CHECKING:
    from proxy.edge.server import EdgeServer
    from proxy.edge.visit import Visit

__all__ = ["CallerConnection"]

_RESET = struct.pack("ii", 1, 0)

RATE_WINDOW = 5.0
"""Seconds over which a slow upload is judged."""


class CallerConnection(Intake):
    """`expire_at` is the end of what the connection is doing now: being idle, sending a head, content, or reading.

    `visit` is the proxied request that is being handled, None between requests.
    """

    __slots__ = ("_counted", "_ending", "_stalled", "_unread", "expire_at", "is_local_socket", "lame", "visit")

    def __init__(self, edge: "EdgeServer", loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(edge, loop, **options)
        self._counted = 0
        self._stalled = False
        self._unread = 0
        self._ending: tuple[Visit, OutriderError] | None = None
        self.visit: Visit | None = None
        self.is_local_socket = False
        self.lame = False
        self.expire_at = NEVER

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        edge = self._edge
        edge.timer.add(self)
        self.expire_at = self._loop.time() + edge.head_timeout
        self.is_local_socket = transport.get_extra_info("socket").family == socket.AF_UNIX
        refusal = edge.admit(self)
        if refusal is not None:
            self.refuse(refusal)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._edge.timer.discard(self)
        self._edge.left(self)
        super().connection_lost(exc)

    @property
    def is_lame(self) -> bool:
        """Whether the server, or its listener, is about to stop, so that every answer says `Connection: close`."""
        return self._edge.lame or self.lame

    # Deadlines

    def head_begins(self) -> None:
        self.expire_at = self._loop.time() + self._edge.head_timeout

    def rest(self, now: float) -> None:
        """Between requests."""
        self.expire_at = now + self._edge.idle_timeout

    def receive(self, content: CallerContent | None) -> None:
        """A request is being handled."""
        self.content = content
        if content is None or content.complete or not self._edge.limits.min_body_rate:
            self.expire_at = NEVER
        else:
            self._counted = 0
            self.expire_at = self._loop.time() + RATE_WINDOW

    async def drained(self) -> None:
        """Wait for the caller to read; one that reads nothing at all for its idle limit is given up."""
        self._stalled = True
        self._unread = self._buffered()
        self.expire_at = self._loop.time() + self._edge.idle_timeout
        try:
            await self._drain_helper()
        finally:
            self._stalled = False
            self.expire_at = NEVER

    def expire(self, now: float) -> None:
        content = self.content
        if self._stalled:
            self._judge_reader(now)
        elif content is not None and not content.complete:
            self._judge_rate(content, now)
        elif self._request_in_progress:
            self.expire_at = NEVER
        elif self._head_bytes:
            self.refuse(RequestTimeout("The head did not arrive in time (limits.head_timeout)."))
        else:
            self.force_close()

    def _judge_reader(self, now: float) -> None:
        unread = self._buffered()
        if unread >= self._unread:
            self.abort()
        else:
            self._unread = unread
            self.expire_at = now + self._edge.idle_timeout

    def _buffered(self) -> int:
        return 0 if self.transport is None else self.transport.get_write_buffer_size()

    def _judge_rate(self, content: CallerContent, now: float) -> None:
        if content.waiting and content.received - self._counted < self._edge.limits.min_body_rate * RATE_WINDOW:
            content.fail(RequestTimeout("The content comes too slowly (limits.min_body_rate)."))
            self.expire_at = NEVER
        else:
            self._counted = content.received
            self.expire_at = now + RATE_WINDOW

    # Ending a request from outside

    def end_request(self, visit: "Visit", error: OutriderError) -> bool:
        """Stop `visit` wherever it waits, and let its caller have `error`; whether it was still there to be stopped."""
        task = self._task_handler
        if self.visit is not visit or task is None or self._ending is not None:
            return False
        self._ending = visit, error
        task.cancel()
        return True

    def take_ending(self, visit: "Visit") -> OutriderError | None:
        """Why the cancellation that has just been caught was; None for any other, which is to go on."""
        ending, self._ending = self._ending, None
        task = asyncio.current_task()
        if ending is None or ending[0] is not visit or task is None or task.uncancel():
            return None
        return ending[1]

    @property
    def request_coroutine(self) -> object:
        """What the connection's task runs."""
        return None if self._task_handler is None else self._task_handler.get_coro()

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
