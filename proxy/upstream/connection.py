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
from proxy.errors import DeadlineExceeded, OutriderError, UpstreamDisconnected, UpstreamTimeout
from proxy.message import Exchange, Response
from proxy.upstream.framing import LAST_CHUNK, chunk
from proxy.upstream.limits import Limits
from proxy.upstream.receiver import Receiver
from proxy.upstream.tunnel import UpstreamTunnel
from proxy.upstream.upload import Upload

__all__ = ["UpstreamConnection"]

_IDLE, _BUSY, _CLOSED = range(3)


class UpstreamConnection(asyncio.Protocol):
    """States: idle (in the pool), busy with one exchange, closed.

    `reused` tells whether an earlier request used the connection.
    """

    __slots__ = (
        "_deadline", "_limits", "_loop", "_on_free", "_on_lost", "_paused", "_poll", "_receiver", "_said_end", "_state",
        "_timer", "_transport", "_upload", "_waiter", "_writable", "closed", "expire_at", "owner", "reused",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, timer: CoarseTimer) -> None:
        self._loop = loop
        self._timer = timer
        self._transport: asyncio.Transport | None = None
        self._state = _IDLE
        self._receiver = Receiver(self, self._continue)
        self._deadline = NEVER
        self._said_end = False
        self._paused = False
        self._limits: Limits | None = None
        self._upload: Upload | None = None
        self._waiter: asyncio.Future[Response] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._poll: select.poll | None = None
        self._on_free: Callable[[UpstreamConnection], None] | None = None
        self._on_lost: Callable[[UpstreamConnection], None] | None = None
        self.expire_at = NEVER
        self.reused = False
        # The connector's handle on this connection, given back at its end; and what it asks for when it shuts down.
        self.owner: object = None
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

    @property
    def was_stale(self) -> bool:
        """Whether a failure can mean that the upstream had closed the connection before the request came."""
        return self.reused and not self._receiver.answered

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
            raise UpstreamDisconnected("The upstream closed the connection before it was used.", processed=False)
        self._state = _BUSY
        self._receiver.begin(exchange)
        self._limits = limits
        self._deadline = exchange.deadline
        content = exchange.content
        whole = b"" if content is None else content.take()
        if whole is None or (exchange.expects_continue and content is not None):
            self.expire_at = self._deadline
            transport.write(head)
            assert content is not None
            self._upload = Upload(self, content, waits=exchange.expects_continue, ready=whole)
        else:
            if content is not None:
                head += whole if content.length is not None else chunk(whole) + LAST_CHUNK
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

    @property
    def _waits_for_head(self) -> bool:
        return self._state == _BUSY and self._receiver.head is None

    def request_sent(self) -> None:
        """The request is out: the wait for the first byte of the answer begins."""
        if self._waits_for_head and self._limits is not None:
            self.expire_at = min(self._loop.time() + self._limits.first_byte, self._deadline)

    async def write(self, data: bytes) -> None:
        """Send content; waits while the upstream does not read, no longer than the idle limit."""
        transport, limits = self._transport, self._limits
        if transport is None or limits is None or self._state == _CLOSED:
            raise UpstreamDisconnected("The upstream closed the connection while the request was being sent.")
        transport.write(data)
        if self._writable is not None:
            waiting = self._waits_for_head
            if waiting:
                self.expire_at = min(self._loop.time() + limits.idle, self._deadline)
            await self._writable
            if waiting and self._waits_for_head:
                self.expire_at = self._deadline

    def finish_writing(self) -> None:
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def pause(self) -> None:
        """Who reads has enough; silence is now of our own making, so it does not count."""
        if self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
            self.expire_at = NEVER

    def resume(self) -> None:
        if self._transport is not None and self._state != _CLOSED:
            self._paused = False
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

    def eof_received(self) -> None:
        # With TLS only its own end comes here, not that of the TCP connection beneath, which anybody could forge.
        self._said_end = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.discard(self)
        self._transport = None
        self._poll = None
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(UpstreamDisconnected("The upstream closed the connection."))
            # Read at once: nobody may be waiting for it any more.
            self._writable.exception()
        if self._state == _BUSY and not ((self._said_end or self._receiver.switched) and self._receiver.end()):
            self._fail(UpstreamDisconnected(_how_lost(self._receiver)))
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
        if self._state != _BUSY:
            # Unasked bytes: whatever they are, they are not the answer to the next request.
            self.abort()
            return
        receiver = self._receiver
        try:
            response = receiver.feed(data)
        except OutriderError as error:
            self._fail(error)
            return
        if receiver.done:
            self._release()
        elif receiver.head is not None and not (receiver.content is not None and receiver.content.paused):
            self.touch()
        if response is not None:
            self._hand_over(response)

    def expire(self, now: float) -> None:
        waits = self._receiver.head is None
        if self._state != _BUSY:
            self.abort()
        elif waits and self._deadline <= now:
            self._fail(DeadlineExceeded("The request's deadline passed before the upstream answered."))
        elif waits:
            self._fail(UpstreamTimeout("The upstream did not begin to answer in time (timeout.first_byte)."))
        else:
            self._fail(UpstreamTimeout("The upstream fell silent within its answer (timeout.idle)."))

    def _hand_over(self, response: Response) -> None:
        receiver = self._receiver
        if receiver.switched and receiver.content is not None and receiver.head is not None:
            response.tunnel = UpstreamTunnel(self, receiver.content, receiver.head.upgrade or b"")
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(response)
        else:
            response.close()

    def _release(self) -> None:
        """The exchange is over: back to the pool when both sides are in step, else closed."""
        upload, self._upload = self._upload, None
        if upload is not None and not upload.done:
            upload.cancel()
        in_step = self._receiver.is_reusable and (upload is None or upload.done)
        if in_step and self._on_free is not None and self._transport is not None:
            if self._paused:
                # A caller that still has to read the last pieces must not keep the next answer from being read.
                self._paused = False
                self._transport.resume_reading()
            self._state = _IDLE
            self._on_free(self)
        else:
            self.abort()

    def _continue(self) -> None:
        if self._upload is not None:
            self._upload.proceed()

    def _fail(self, error: OutriderError) -> None:
        waiter, self._waiter = self._waiter, None
        self.abort()
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)
        self._receiver.fail(error)

    def fail(self, error: OutriderError) -> None:
        """The upload cannot go on: the request has failed, unless its answer is already on its way."""
        if self._waiter is not None:
            self._fail(error)


def _how_lost(receiver: Receiver) -> str:
    if receiver.head is not None:
        return "The upstream closed the connection in the middle of its answer."
    if receiver.answered:
        return "The upstream closed the connection in the middle of its response head."
    return "The upstream closed the connection before it answered."
