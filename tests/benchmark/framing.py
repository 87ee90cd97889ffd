"""Where a response ends: just enough HTTP/1.1 to count responses and the bytes of a transfer.

What must not live here: sockets. It trusts its peers (it only ever meets the contestants), so it is no parser to reuse.
"""

import re
from dataclasses import dataclass

__all__ = ["LAST_CHUNK", "Head", "parse_head", "response_end"]

LAST_CHUNK = b"0\r\n\r\n"
"""How chunked content ends. Content here is made of one letter, so it cannot hold this sequence itself."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Head:
    """A message's head. `size` counts its bytes; `length` is None when no field says how long the content is."""

    status: int
    size: int
    length: int | None
    chunked: bool


def parse_head(data: bytes | bytearray) -> Head | None:
    """Read the head at the start of `data`, or None while it is incomplete. A request's head has status 0."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    fields = data[:end]
    length = _LENGTH.search(fields)
    return Head(
        status=int(fields[9:12]) if fields.startswith(b"HTTP/1.") else 0,
        size=end + 4,
        length=int(length[1]) if length else None,
        chunked=_CHUNKED.search(fields) is not None,
    )


def response_end(data: bytes | bytearray) -> int | None:
    """Count the bytes of the first whole response in `data`, or None while it is incomplete."""
    head = parse_head(data)
    if head is None:
        return None
    if head.chunked:
        last = data.find(LAST_CHUNK, head.size)
        return None if last < 0 else last + len(LAST_CHUNK)
    end = head.size + (head.length or 0)
    return end if len(data) >= end else None
