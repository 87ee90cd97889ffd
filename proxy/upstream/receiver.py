"""One answer as its bytes arrive: interim heads, the final head, content in whichever framing, the end.

Knows no socket: a connection feeds it and acts on what it has become. What must not live here: deadlines, the pool,
how a single head or chunk is read (`framing`).
"""

from collections.abc import Callable

from proxy.errors import OutriderError, UpstreamProtocolError
from proxy.message import Exchange, Response
from proxy.message.whole import WholeContent
from proxy.upstream.content import Flow, StreamedContent
from proxy.upstream.framing import ChunkedDecoder, ResponseHead, find_head, parse_head

__all__ = ["Receiver"]

_HEAD_CAP = 64 * 1024
_VERSION = b"HTTP/1."
_INTERIM_CAP = 32
_IN_HEAD, _BY_LENGTH, _IN_CHUNKS, _UNTIL_END, _SWITCHED, _DONE = range(6)


class Receiver:
    """Used for one answer after the other; `begin` makes it ready for the next.

    `answered` tells whether a byte of the answer has arrived, `done` that all of it has, `content` is what is being
    streamed. `is_reusable` says, once it is done, whether the connection is in step for another request.
    """

    __slots__ = (
        "_buffer", "_chunks", "_exchange", "_flow", "_interims", "_left", "_on_continue", "_place", "_rest",
        "answered", "content", "head",
    )  # fmt: skip

    def __init__(self, flow: Flow, on_continue: Callable[[], None]) -> None:
        """`on_continue` is called for a `100 Continue`."""
        self._flow = flow
        self._on_continue = on_continue
        self._exchange: Exchange | None = None
        self._buffer = b""
        self._rest = b""
        self._left = 0
        self._interims = 0
        self._chunks: ChunkedDecoder | None = None
        self._place = _DONE
        self.answered = False
        self.head: ResponseHead | None = None
        self.content: StreamedContent | None = None

    def begin(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._place = _IN_HEAD
        self._interims = 0
        self.answered = False
        self.head = None

    @property
    def done(self) -> bool:
        return self._place == _DONE

    @property
    def switched(self) -> bool:
        """Whether the connection is a tunnel now."""
        return self._place == _SWITCHED

    @property
    def is_reusable(self) -> bool:
        head = self.head
        return self._place == _DONE and head is not None and head.keep_alive and not self._rest

    def feed(self, data: bytes) -> Response | None:
        """Take bytes; the response when its head has just become whole. Raises UpstreamProtocolError."""
        if self._place == _IN_HEAD:
            self.answered = True
            return self._read_head(self._buffer + data if self._buffer else data)
        self._read_content(data)
        return None

    def end(self) -> bool:
        """The connection has ended in good order. Whether the answer is whole by that."""
        if self._place == _UNTIL_END or self._place == _SWITCHED:
            if self.head is not None:
                self.head.keep_alive = False
            self._finish(b"")
        return self._place == _DONE

    def fail(self, error: OutriderError) -> None:
        """Nothing more comes, because of `error`."""
        content = self._forget()
        if content is not None:
            content.finish(error)

    # The head

    def _read_head(self, buffer: bytes) -> Response | None:
        found = find_head(buffer)
        while found is not None:
            lines, rest = found
            if len(buffer) - len(rest) > _HEAD_CAP:
                break
            buffer = rest
            head = parse_head(lines)
            if head.status >= 200 or head.status == 101:
                self._buffer = b""
                return self._open(head, buffer)
            self._interim(head.status)
            found = find_head(buffer) if buffer else None
        if len(buffer) > _HEAD_CAP:
            raise UpstreamProtocolError(f"The head of the upstream's answer is over {_HEAD_CAP} bytes.")
        if not _VERSION.startswith(buffer[: len(_VERSION)]):
            raise UpstreamProtocolError("The upstream does not answer in HTTP/1.")
        self._buffer = buffer
        return None

    def _interim(self, status: int) -> None:
        self._interims += 1
        if self._interims > _INTERIM_CAP:
            raise UpstreamProtocolError("The upstream sends interim answers without end.")
        if status == 100:
            self._on_continue()

    def _open(self, head: ResponseHead, rest: bytes) -> Response:
        """A final head: with its content, where that is here already."""
        exchange = self._exchange
        assert exchange is not None
        self.head = head
        status, length = head.status, head.length
        response = Response(status, head.reason, head.lines)
        response.rewritable = head.rewritable
        response.quota = head.quota
        if status == 101:
            self._switch(exchange, head, rest)
        elif exchange.method == "HEAD" or status == 204 or status == 304:
            if length is not None and status != 204:
                head.lines.append(b"Content-Length: %d" % length)
            self._finish(rest)
        elif length is not None and len(rest) >= length:
            response.content = WholeContent(rest[:length])
            self._finish(rest[length:])
        else:
            self._stream(response, head, rest)
        return response

    def _switch(self, exchange: Exchange, head: ResponseHead, rest: bytes) -> None:
        if exchange.upgrade is None or head.upgrade is None:
            raise UpstreamProtocolError("The upstream switches protocols unasked.")
        self._place = _SWITCHED
        self.content = StreamedContent(self._flow, None)
        if rest:
            self.content.feed(rest)

    def _stream(self, response: Response, head: ResponseHead, rest: bytes) -> None:
        content = self.content = StreamedContent(self._flow, head.length)
        response.content = content
        if head.chunked:
            self._place = _IN_CHUNKS
            self._chunks = ChunkedDecoder()
        elif head.length is not None:
            self._place = _BY_LENGTH
            self._left = head.length
        else:
            self._place = _UNTIL_END
        if rest:
            self._read_content(rest)
            if content.complete and (whole := content.take()) is not None:
                response.content = WholeContent(whole)

    # The content

    def _read_content(self, data: bytes) -> None:
        content = self.content
        if content is None:
            return
        if self._place == _BY_LENGTH:
            piece = data if len(data) <= self._left else data[: self._left]
            self._left -= len(piece)
            content.feed(piece)
            if self._left == 0:
                self._finish(data[len(piece) :])
        elif self._place == _IN_CHUNKS and self._chunks is not None:
            piece = self._chunks.feed(data)
            if piece:
                content.feed(piece)
            if self._chunks.done:
                self._finish(self._chunks.rest)
        else:
            content.feed(data)

    def _finish(self, rest: bytes) -> None:
        content = self._forget()
        self._rest = rest
        self._place = _DONE
        if content is not None:
            content.finish()

    def _forget(self) -> StreamedContent | None:
        content, self.content = self.content, None
        self._chunks = self._exchange = None
        self._buffer = b""
        return content
