"""Content on its way through interceptors: read as a whole up to a cap, replaced, or changed piece by piece.

What must not live here: which message it belongs to (`request`, `response`).
"""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from proxy.errors import InterceptorFailed, OutriderError
from proxy.message import RequestContent, ResponseContent
from proxy.observe.log import LOGGER, event
from proxy.policy.decoding import Undecodable, coding_of, decoded

__all__ = [
    "OF_THE_CONTENT",
    "Change",
    "HeldResponse",
    "NewRequest",
    "TooLarge",
    "TransformedRequest",
    "TransformedResponse",
    "undone",
]

OF_THE_CONTENT = ("Content-Encoding", "Content-MD5", "Content-Digest", "Repr-Digest", "Digest")
"""Fields that no longer hold when a content is another one; the first also tells how it is encoded."""

Change = Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]
"""An asynchronous generator that is given the pieces and yields others."""


class TooLarge(Exception):
    """A content is over the interceptor's `max_content`. It is as it was, and may go on unread."""


def undone(content: bytes, coding: str | None, cap: int) -> bytes:
    """`content` without its coding. Raises TooLarge, and ValueError for a coding that is not known here."""
    try:
        plain = decoded(content, coding_of(None if coding is None else coding.encode()), cap)
    except Undecodable:
        raise ValueError("the content is in a coding that is not undone here; ask for identity") from None
    if len(plain) > cap:
        raise TooLarge
    return plain


class HeldResponse:
    """What was read ahead of an answer, and then the rest of it."""

    __slots__ = ("_held", "_rest", "length")

    def __init__(self, held: bytes, rest: ResponseContent) -> None:
        self._held = held
        self._rest = rest
        self.length = rest.length

    @property
    def complete(self) -> bool:
        return self._rest.complete

    def take(self) -> None:
        return None

    async def read(self) -> bytes:
        if self._held:
            held, self._held = self._held, b""
            return held
        return await self._rest.read()

    def close(self) -> None:
        self._held = b""
        self._rest.close()


class NewRequest:
    """Content that an interceptor made, or decoded."""

    __slots__ = ("_left", "data", "length")

    def __init__(self, data: bytes) -> None:
        self.data = self._left = data
        self.length: int | None = len(data)

    def take(self) -> bytes:
        left, self._left = self._left, b""
        return left

    async def read(self) -> bytes:
        return self.take()

    def proceed(self) -> None:
        return None


class _Pieces:
    """What a transformer makes of a content, empty pieces left out; `name` is the interceptor's."""

    __slots__ = ("_made", "_name", "ended")

    def __init__(self, source: RequestContent | ResponseContent, change: Change, name: str) -> None:
        self._made = change(_pieces(source))
        self._name = name
        self.ended = False

    async def next(self) -> bytes:
        if self.ended:
            return b""
        try:
            async for piece in self._made:
                if piece:
                    return bytes(piece)
        except OutriderError:
            raise
        except Exception as error:
            # Code of others may raise anything; what was sent of the content already is cut off by this.
            detail = f"The interceptor {self._name} failed in the middle of a content."
            logger = logging.getLogger(LOGGER)
            event(logger, logging.ERROR, "interceptor.failed", detail, error=error, interceptor=self._name)
            raise InterceptorFailed(f"{detail} Outrider's log has the trace.") from None
        self.ended = True
        return b""


async def _pieces(source: RequestContent | ResponseContent) -> AsyncGenerator[bytes, None]:
    while piece := await source.read():
        yield piece


class TransformedRequest:
    """A request's content, changed while it passes."""

    __slots__ = ("_made", "_source", "length")

    def __init__(self, source: RequestContent, change: Change, name: str) -> None:
        self._source = source
        self._made = _Pieces(source, change, name)
        self.length: int | None = None

    def take(self) -> None:
        return None

    async def read(self) -> bytes:
        return await self._made.next()

    def proceed(self) -> None:
        self._source.proceed()


class TransformedResponse:
    """An answer's content, changed while it passes."""

    __slots__ = ("_made", "_source", "length")

    def __init__(self, source: ResponseContent, change: Change, name: str) -> None:
        self._source = source
        self._made = _Pieces(source, change, name)
        self.length: int | None = None

    @property
    def complete(self) -> bool:
        return self._made.ended

    def take(self) -> None:
        return None

    async def read(self) -> bytes:
        return await self._made.next()

    def close(self) -> None:
        self._made.ended = True
        self._source.close()
