"""Methods that the parser does not know.

The parser has a fixed list of methods; a proxy must pass any (RFC 9110 §9.1). What must not live here: which methods
are refused.
"""

from proxy.policy.fields import is_token

__all__ = ["STAND_IN", "split_method"]

STAND_IN = b"POST"
"""Parsed in place of an unknown method: framing does not depend on it."""

_LONGEST = 32


def split_method(data: bytes) -> tuple[str | None, bytes]:
    """The method at the beginning of `data`, and the rest from the space on; None when there is none."""
    method, space, rest = data.partition(b" ")
    if not space or len(method) > _LONGEST or not is_token(method):
        return None, data
    return method.decode("ascii"), space + rest
