"""What comes in on a caller's connection: strictness about where one request ends and the next begins.

The parser is aiohttp's; what it lacks stands here: a cap on heads as a whole, methods that it does not know, and a
parser made anew where its memory of one request could reach the next. What must not live here: deadlines and refusals
(`caller`), what a request means (`head`).
"""

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp.http import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from proxy.clock import NEVER
from proxy.edge.caller_content import CallerContent
from proxy.edge.lean import LeanRequestHandler
from proxy.edge.methods import STAND_IN, USUAL_METHODS, may_become_method, split_method
from proxy.errors import BadRequest, HeadTooLarge, OutriderError

if TYPE_CHECKING:
    from proxy.edge.server import EdgeServer

__all__ = ["Intake"]

_END_OF_HEAD = b"\r\n\r\n"


class Intake(LeanRequestHandler):
    """`content` is what the request being handled sends; `is_aligned` tells that chunked content has ended where
    nothing of it can reach the next request.
    """

    __slots__ = (
        "_at_start", "_head_bytes", "_held", "_left", "_payload", "_stand_in_for", "_whole_head", "content",
        "is_aligned",
    )  # fmt: skip

    def __init__(self, edge: "EdgeServer", loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(edge, loop, **options)
        self._payload: StreamReader = EMPTY_PAYLOAD
        self._stand_in_for: str | None = None
        self._held = b""
        # Whether the next byte certainly begins a request; where that is not known, nothing is read into it.
        self._at_start = True
        self._left = 0
        self._head_bytes = 0
        self._whole_head: float = 0
        self.content: CallerContent | None = None
        self.is_aligned = False

    def head_begins(self) -> None:
        """The first byte of a head has arrived."""

    def refuse(self, error: OutriderError) -> None:
        """Answer without a request, and close."""

    @property
    def head_cap(self) -> int:
        """The cap that the current request's head has to be measured with; 0 where it cannot be over it."""
        cap = self._edge.limits.head
        return cap if self._whole_head > cap else 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing of a request is here or on its way through."""
        return not self._request_in_progress and not self._messages and not self._head_bytes

    def real_method(self, parsed: str) -> str:
        """The method as the caller sent it."""
        stand_in, self._stand_in_for = self._stand_in_for, None
        return stand_in or parsed

    def data_received(self, data: bytes) -> None:
        if self._request_in_progress or self._messages or not self._payload.is_eof():
            self._receive_busy(data)
        else:
            self._receive_head(data)

    def enter(self, payload: StreamReader) -> None:
        self._payload = payload

    def leave(self) -> None:
        self.content = None
        if self._messages:
            # The next head came while this request was being handled; how long it was is not known.
            self._whole_head = NEVER

    # Between requests: heads

    def _receive_head(self, data: bytes) -> None:
        if not self._head_bytes:
            self.head_begins()
        self._head_bytes += len(data)
        if self._at_start:
            data = self._held + data if self._held else data
            if data[:4] != b"GET " and data.partition(b" ")[0] not in USUAL_METHODS and self._hold(data):
                self._check_cap()
                return
            self._held = b""
            if self._stand_in_for is not None:
                data = STAND_IN + data.partition(b" ")[1] + data.partition(b" ")[2]
        super().data_received(data)
        messages = self._messages
        if not messages:
            self._at_start = False
            self._check_cap()
            return
        self._whole_head = self._head_bytes
        self._head_bytes = 0
        self._note_head(messages[0][0], messages[0][1], data)

    def _hold(self, data: bytes) -> bool:
        """Keep the beginning of a head whose method the parser may not know, until it can be parsed in one piece."""
        method, _ = split_method(data)
        if method is None:
            waits = may_become_method(data)
        else:
            waits = _END_OF_HEAD not in data
            self._stand_in_for = None if waits else method
        if waits:
            self._held = data
        return waits

    def _check_cap(self) -> None:
        cap = self._edge.limits.head
        if self._head_bytes > cap:
            self.refuse(HeadTooLarge(f"The head is larger than {cap} bytes (limits.head)."))

    def _note_head(self, message: object, payload: StreamReader, data: bytes) -> None:
        """A head is whole: note where its content, and so the request, ends."""
        self._payload = payload
        self.is_aligned = False
        self._at_start = False
        if len(self._messages) != 1 or not isinstance(message, RawRequestMessage):
            return
        if message.chunked:
            self._renew_parser_after(data, payload, 1)
        elif payload is EMPTY_PAYLOAD:
            self._at_start = data.endswith(_END_OF_HEAD)
        else:
            begun = len(data) - data.find(_END_OF_HEAD) - len(_END_OF_HEAD)
            # Zero where there is no length: such framing is refused, and what follows is never read.
            self._left = int(message.headers.get("Content-Length", "0")) - begun
            self._at_start = self._whole_head == len(data) and self._left == 0

    # While a request is being handled: its content, requests pipelined behind it, tunnelled bytes

    def _receive_busy(self, data: bytes) -> None:
        payload = self._payload
        pending = not payload.is_eof()
        before = len(self._messages)
        super().data_received(data)
        if self._payload_parser is not None or self._upgraded:
            return
        grown = len(self._messages) > before
        if not pending:
            self._note_pipelined(data, grown)
        elif grown and not payload.is_eof():
            self._fail_content(BadRequest("The request's content is not framed as HTTP demands."))
        elif self.content is not None and self.content.length is None:
            self._renew_parser_after(data, payload, 0)
        else:
            self._left -= len(data)
            self._at_start = self._left == 0 and not grown

    def _note_pipelined(self, data: bytes, grown: bool) -> None:
        if not data:
            return
        self._at_start = False
        self._head_bytes = 0 if grown else self._head_bytes + len(data)
        if self._head_bytes > self._edge.limits.head:
            self.close()

    def _fail_content(self, error: OutriderError) -> None:
        if self.content is not None:
            self.content.fail(error)
        else:
            self._payload.set_exception(ConnectionError("malformed"))

    def _renew_parser_after(self, data: bytes, payload: StreamReader, queued: int) -> None:
        """Start afresh behind chunked content.

        The parser turns the last trailer of chunked content into a field of the request that follows, so a new one
        takes its place where the content certainly ends with `data`: nothing else has been parsed, and what came last
        is the end of a message. Everywhere else the connection closes after the answer.
        """
        if payload.is_eof() and len(self._messages) == queued and data.endswith(_END_OF_HEAD):
            self._parser = self._edge.new_parser(self)
            self.is_aligned = True
            self._at_start = True
