"""One connection to an upstream: sends a request, hands over its response, goes back to the pool.

The protocol is strict about being in step: a byte that nobody asked for ends the connection, so that no answer can
reach another request. Only this package knows sockets on the upstream's side. What must not live here: which request
is sent (`proxy.policy.outgoing`), parsing (`framing`), choosing or opening connections (`pool`, `dial`).
"""

import asyncio
import select
from collections.abc import Callable
from typing import cast

from proxy.clock import NEVER, CoarseTimer
from proxy.errors import (
    DeadlineExceeded,
    OutriderError,
    UpstreamDisconnected,
    UpstreamProtocolError,
    UpstreamTimeout,
)
from proxy.message import Exchange, NoContent, Response, ResponseContent
from proxy.upstream import framing
from proxy.upstream.content import StreamedContent, WholeContent
from proxy.upstream.framing import ChunkedDecoder, ResponseHead, find_head, parse_head
from proxy.upstream.tunnel import UpstreamTunnel
from proxy.upstream.upload import Upload

__all__ = ["Limits", "UpstreamConnection"]

_IDLE, _HEAD, _LENGTH, _CHUNKED, _UNTIL_END, _TUNNEL, _CLOSED = range(7)
_HEAD_CAP = 64 * 1024
_VERSION = b"HTTP/1."
_INTERIM_CAP = 32
_NO_CONTENT = NoContent()


class Limits:
    """Seconds that one attempt may take at each of its steps."""

    __slots__ = ("connect", "first_byte", "idle")

    def __init__(self, connect: float, first_byte: float, idle: float) -> None:
        self.connect = connect
        self.first_byte = first_byte or NEVER
        self.idle = idle or NEVER


class UpstreamConnection(asyncio.Protocol):
    """States: idle (in the pool), waiting for a head, content by length, by chunks or until the end, tunnel, closed.

    `answered` tells whether a byte of the current answer has arrived; `reused` whether an earlier request used the
    connection. Both decide whether a failure can be a connection that had gone stale.
    """

    __slots__ = (
        "_buffer", "_chunks", "_content", "_deadline", "_exchange", "_head", "_interims", "_left", "_limits", "_loop",
        "_on_free", "_on_lost", "_poll", "_state", "_timer", "_transport", "_upload", "_waiter", "_writable",
        "answered", "closed", "expire_at", "owner", "reused",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, timer: CoarseTimer) -> None:
        self._loop = loop
        self._timer = timer
        self._transport: asyncio.Transport | None = None
        self._state = _IDLE
        self._buffer = b""
        self._left = 0
        self._interims = 0
        self._deadline = NEVER
        self._head: ResponseHead | None = None
        self._chunks: ChunkedDecoder | None = None
        self._content: StreamedContent | None = None
        self._exchange: Exchange | None = None
        self._limits: Limits | None = None
        self._upload: Upload | None = None
        self._waiter: asyncio.Future[Response] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._poll: select.poll | None = None
        self._on_free: Callable[[UpstreamConnection], None] | None = None
        self._on_lost: Callable[[UpstreamConnection], None] | None = None
        self.expire_at = NEVER
        self.answered = False
        self.reused = False
        # The connector's own handle on this connection, kept so that it is given back when the connection ends.
        self.owner: object = None
        # What the connector asks of a protocol when it shuts down.
        self.closed: asyncio.Future[None] | None = None

    # The pool's side

    def adopt(
        self, on_free: Callable[["UpstreamConnection"], None], on_lost: Callable[["UpstreamConnection"], None]
    ) -> None:
        self._on_free, self._on_lost = on_free, on_lost

    def rest_until(self, when: float) -> None:
        """Sleep in the pool until `when`."""
        self.reused = True
        self.expire_at = when

    def is_quiet(self) -> bool:
        """Whether an idle connection is open and nothing has arrived on it, not even in the kernel's buffer."""
        transport = self._transport
        if self._state != _IDLE or transport is None or transport.is_closing():
            return False
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not self._poll.poll(0)

    def is_connected(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def transport(self) -> asyncio.Transport | None:
        return self._transport

    should_close = True

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        """End the connection now; whoever waits on it hears of it from who calls this."""
        self._state = _CLOSED
        self.expire_at = NEVER
        if self._upload is not None:
            self._upload.cancel()
            self._upload = None
        if self._transport is not None:
            self._transport.abort()

    # One request

    async def ask(self, head: bytes, exchange: Exchange, limits: Limits) -> Response:
        """Send a request and wait for the head of its final response. Raises OutriderError."""
        transport = self._transport
        if transport is None or transport.is_closing():
            self._state = _CLOSED
            raise UpstreamDisconnected("The upstream closed the connection before the request was sent.")
        self._state = _HEAD
        self._exchange = exchange
        self._limits = limits
        self._deadline = exchange.deadline
        self._interims = 0
        self.answered = False
        content = exchange.content
        whole = b"" if content is None else content.take()
        if whole is None or (exchange.expects_continue and content is not None):
            self.expire_at = self._deadline
            transport.write(head)
            assert content is not None
            self._upload = Upload(self, content, limits, waits=exchange.expects_continue, ready=whole)
        else:
            if content is not None:
                head += whole if content.length is not None else framing.chunk(whole) + framing.LAST_CHUNK
            transport.write(head)
            self.request_sent()
        # Not touched again after the wait: by then the connection may serve another request.
        waiter: asyncio.Future[Response] = self._loop.create_future()
        self._waiter = waiter
        try:
            return await waiter
        except asyncio.CancelledError:
            if self._waiter is waiter:
                self._waiter = None
                self.abort()
            elif waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                waiter.result().close()
            raise

    def request_sent(self) -> None:
        """The request is out: the wait for the first byte of the answer begins."""
        if self._state == _HEAD and self._limits is not None:
            self.expire_at = min(self._loop.time() + self._limits.first_byte, self._deadline)

    async def write(self, data: bytes) -> None:
        """Send content; waits while the upstream does not read, no longer than the idle limit."""
        transport, limits = self._transport, self._limits
        if transport is None or limits is None or self._state == _CLOSED:
            raise UpstreamDisconnected("The upstream closed the connection while the request was being sent.")
        transport.write(data)
        if self._writable is not None:
            waiting = self._state == _HEAD
            if waiting:
                self.expire_at = min(self._loop.time() + limits.idle, self._deadline)
            await self._writable
            if waiting and self._state == _HEAD:
                self.expire_at = self._deadline

    def finish_writing(self) -> None:
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    # Flow control for the content

    def pause(self) -> None:
        """Who reads has enough; silence is now of our own making, so it does not count."""
        if self._transport is not None:
            self._transport.pause_reading()
            self.expire_at = NEVER

    def resume(self) -> None:
        if self._transport is not None and self._state != _CLOSED:
            self._transport.resume_reading()
            self.touch()

    def touch(self) -> None:
        """Something moved: the idle limit begins anew."""
        if self._limits is not None:
            self.expire_at = self._loop.time() + self._limits.idle

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._timer.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.discard(self)
        self._transport = None
        self._poll = None
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(UpstreamDisconnected("The upstream closed the connection."))
            # Read at once: nobody may be waiting for it any more.
            self._writable.exception()
        if self._state == _UNTIL_END and exc is None:
            self._end_of_content()
        elif self._state == _TUNNEL and self._content is not None:
            self._content.finish()
        elif self._state not in (_IDLE, _CLOSED):
            self._fail(UpstreamDisconnected(_how_lost(self._state, self.answered)))
        self._state = _CLOSED
        if self._on_lost is not None:
            self._on_lost(self)

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def data_received(self, data: bytes) -> None:
        state = self._state
        if state == _HEAD:
            self.answered = True
            self._receive_head(self._buffer + data if self._buffer else data)
        elif state in (_IDLE, _CLOSED):
            # Unasked bytes: whatever they are, they are not the answer to the next request.
            self.abort()
        else:
            self.touch()
            self._receive_content(data)

    def expire(self, now: float) -> None:
        if self._state in (_IDLE, _CLOSED):
            self.abort()
        elif self._state == _HEAD and self._deadline <= now:
            self._fail(DeadlineExceeded("The request's deadline passed before the upstream answered."))
        elif self._state == _HEAD:
            self._fail(UpstreamTimeout("The upstream did not answer within its first-byte limit."))
        else:
            self._fail(UpstreamTimeout("The upstream fell silent in the middle of its answer."))

    # Receiving

    def _receive_head(self, buffer: bytes) -> None:
        try:
            found = find_head(buffer)
            while found is not None:
                lines, rest = found
                if len(buffer) - len(rest) > _HEAD_CAP:
                    break
                buffer = rest
                head = parse_head(lines)
                if head.status >= 200 or head.status == 101:
                    self._buffer = b""
                    self._begin(head, buffer)
                    return
                self._interim(head.status)
                found = find_head(buffer) if buffer else None
            if len(buffer) > _HEAD_CAP:
                raise UpstreamProtocolError(f"The head of the upstream's answer is over {_HEAD_CAP} bytes.")
            if not _VERSION.startswith(buffer[: len(_VERSION)]):
                raise UpstreamProtocolError("The upstream does not answer in HTTP/1.")
        except OutriderError as error:
            self._fail(error)
            return
        self._buffer = buffer

    def _interim(self, status: int) -> None:
        self._interims += 1
        if self._interims > _INTERIM_CAP:
            raise UpstreamProtocolError("The upstream sends interim answers without end.")
        if status == 100 and self._upload is not None:
            self._upload.proceed()

    def _begin(self, head: ResponseHead, rest: bytes) -> None:
        """A final head has come: hand the response over, with its content when that is here already."""
        exchange = self._exchange
        assert exchange is not None
        self._head = head
        status = head.status
        response = Response(status, head.reason, head.lines)
        response.rewritable = head.rewritable
        if status == 101:
            response.tunnel = self._switch(head, rest)
        elif exchange.method == "HEAD" or status == 204 or status == 304:
            if head.length is not None and status != 204:
                head.lines.append(b"Content-Length: %d" % head.length)
            self._release(rest)
        elif head.length is not None and len(rest) >= head.length:
            response.content = WholeContent(rest[: head.length])
            self._release(rest[head.length :])
        else:
            response.content = self._stream(head, rest)
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(response)
        else:
            response.close()

    def _switch(self, head: ResponseHead, rest: bytes) -> UpstreamTunnel:
        exchange = self._exchange
        if exchange is None or exchange.upgrade is None or head.upgrade is None:
            raise UpstreamProtocolError("The upstream switches protocols unasked.")
        self._state = _TUNNEL
        self._content = StreamedContent(self, None)
        if rest:
            self._content.feed(rest)
        self.touch()
        return UpstreamTunnel(self, self._content, head.upgrade)

    def _stream(self, head: ResponseHead, rest: bytes) -> ResponseContent:
        content = StreamedContent(self, head.length)
        self._content = content
        self.touch()
        if head.chunked:
            self._state = _CHUNKED
            self._chunks = ChunkedDecoder()
        elif head.length is not None:
            self._state = _LENGTH
            self._left = head.length
        else:
            self._state = _UNTIL_END
        if rest:
            self._receive_content(rest)
            if content.done and (whole := content.take()) is not None:
                return WholeContent(whole)
        return content

    def _receive_content(self, data: bytes) -> None:
        content = self._content
        if content is None:
            return
        if self._state == _LENGTH:
            piece = data if len(data) <= self._left else data[: self._left]
            self._left -= len(piece)
            content.feed(piece)
            if self._left == 0:
                self._end_of_content(data[len(piece) :])
        elif self._state == _CHUNKED and self._chunks is not None:
            try:
                piece = self._chunks.feed(data)
            except OutriderError as error:
                self._fail(error)
                return
            if piece:
                content.feed(piece)
            if self._chunks.done:
                self._end_of_content(self._chunks.rest)
        else:
            content.feed(data)

    # Ends

    def _end_of_content(self, rest: bytes = b"") -> None:
        content = self._content
        self._release(rest, reusable=self._state != _UNTIL_END)
        if content is not None:
            content.finish()

    def _release(self, rest: bytes, *, reusable: bool = True) -> None:
        """The exchange is over: back to the pool when both sides are in step, else closed."""
        head, upload = self._head, self._upload
        reusable = reusable and head is not None and head.keep_alive and not rest and (upload is None or upload.done)
        content = self._content
        self._content = self._chunks = self._exchange = self._upload = self._head = None
        self._buffer = b""
        if upload is not None and not upload.done:
            upload.cancel()
        if reusable and self._on_free is not None and self._transport is not None:
            if content is not None and content.paused:
                # A caller that still has to read the last pieces must not keep the next answer from being read.
                self._transport.resume_reading()
            self._state = _IDLE
            self._on_free(self)
        else:
            self.abort()

    def _fail(self, error: OutriderError) -> None:
        waiter, content = self._waiter, self._content
        self._waiter = None
        self.abort()
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)
        if content is not None:
            content.finish(error)

    def fail(self, error: OutriderError) -> None:
        """The upload cannot go on: the request has failed, unless its answer is already on its way."""
        if self._waiter is not None:
            self._fail(error)


def _how_lost(state: int, answered: bool) -> str:
    if state != _HEAD:
        return "The upstream closed the connection in the middle of its answer."
    if answered:
        return "The upstream closed the connection in the middle of its response head."
    return "The upstream closed the connection before it answered."
