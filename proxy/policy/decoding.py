"""Content in a coding that can be undone here (gzip, deflate), up to a cap.

Bounded on both sides: a small answer that unfolds without end is cut where the cap is. What must not live here: whose
content it is.
"""

import zlib

__all__ = ["Undecodable", "coding_of", "decoded"]

_PLAIN = frozenset((b"", b"identity"))
_GZIP = frozenset((b"gzip", b"x-gzip"))
_EITHER = 32 + zlib.MAX_WBITS


class Undecodable(Exception):
    """The coding is not known here, or the content is not in it."""


def coding_of(value: bytes | None) -> bytes:
    """The value of `Content-Encoding` in lower case; empty for none."""
    coding = (value or b"").strip().lower()
    return b"" if coding in _PLAIN else coding


def decoded(content: bytes, coding: bytes, cap: int) -> bytes:
    """At most `cap` + 1 bytes, so that who asks can tell that there is more. What is cut off is decoded as far as it
    goes. Raises Undecodable."""
    if not coding:
        return content[: cap + 1]
    if coding in _GZIP:
        return _inflated(content, _EITHER, cap)
    if coding == b"deflate":
        try:
            return _inflated(content, _EITHER, cap)
        except Undecodable:
            # Some servers leave out the wrapping that RFC 9110 §8.4.1.2 wants.
            return _inflated(content, -zlib.MAX_WBITS, cap)
    raise Undecodable


def _inflated(content: bytes, window: int, cap: int) -> bytes:
    unpacking = zlib.decompressobj(window)
    try:
        return unpacking.decompress(content, cap + 1)
    except zlib.error:
        raise Undecodable from None
