"""One small call that Outrider makes for itself, such as to a token endpoint: all of it at once, both ways.

The values and the promise stand here, on the ground, so that who asks and who sends need not know each other. What must
not live here: sending.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Call", "Fetch", "Reply"]


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """`url` is absolute; `fields` are names and values, without `Host` and framing. `timeout` in seconds holds it all.

    Fields and content may be secret, so it has no representation.
    """

    method: str
    url: str
    fields: Sequence[tuple[str, str]]
    content: bytes
    timeout: float


@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    """The whole answer; `lines` are its field lines without CRLF. Any part of it may be secret."""

    status: int
    lines: Sequence[bytes]
    content: bytes

    def get(self, name: bytes) -> bytes | None:
        """The first value of the field `name` (lower case)."""
        for line in self.lines:
            field, _, value = line.partition(b":")
            if field.lower() == name:
                return value.strip(b" \t")
        return None


class Fetch(Protocol):
    """Makes a call."""

    async def __call__(self, call: Call, ready: Callable[[], Awaitable[None]] | None = None) -> Reply:
        """`ready` is awaited once connected, before the first byte is sent; what it raises ends the call.

        Raises OutriderError, whose `processed` says whether a byte of the call may have been read.
        """
