"""Content as the stages know it: bytes that are read once, in pieces, from one side or the other.

Both directions have the same verb, `read`, which waits for the next piece and answers `b""` at the end. Backpressure is
the implementor's duty: who does not read is not sent to.
"""

from typing import Protocol

__all__ = ["NoContent", "RequestContent", "ResponseContent"]


class RequestContent(Protocol):
    """What the caller sends.

    `length` is in bytes, or None when the caller does not say (chunked).
    """

    length: int | None

    def take(self) -> bytes | None:
        """All of the content, when it has arrived already; None while more is to come."""

    async def read(self) -> bytes:
        """The next piece; `b""` at the end. Raises `BadRequest`, `ContentTooLarge` or `RequestTimeout`."""

    def proceed(self) -> None:
        """Tell a caller that waits (`Expect: 100-continue`) to send its content. Repeats do nothing."""


class ResponseContent(Protocol):
    """What the upstream sends. Frees the connection, permits and counts when it ends or is closed."""

    length: int | None

    @property
    def complete(self) -> bool:
        """Whether all of it has arrived, so that nothing upstream is held for it any more."""

    def take(self) -> bytes | None:
        """All of the content, when it has arrived already; None while more is to come."""

    async def read(self) -> bytes:
        """The next piece; `b""` at the end. Raises `UpstreamError` or `DeadlineExceeded`."""

    def close(self) -> None:
        """Give up what is left. Repeats do nothing."""


class NoContent:
    """The content of a response that has none."""

    __slots__ = ()
    length: int | None = 0
    complete = True

    def take(self) -> bytes:
        return b""

    async def read(self) -> bytes:
        return b""

    def close(self) -> None:
        return None
