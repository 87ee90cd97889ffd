"""Methods that the parser does not know.

The parser has a fixed list of methods; a proxy must pass any (RFC 9110 §9.1). What must not live here: which methods
are refused.
"""

from proxy.policy.fields import is_token

__all__ = ["STAND_IN", "USUAL_METHODS", "may_become_method", "split_method"]

STAND_IN = b"POST"
"""Parsed in place of an unknown method: framing does not depend on it."""

USUAL_METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE"))
"""Methods that the parser knows for certain."""

_LONGEST = 32


def may_become_method(data: bytes) -> bool:
    """Whether `data` is the beginning of a method whose end has not arrived."""
    return len(data) <= _LONGEST and is_token(data)


def split_method(data: bytes) -> tuple[str | None, bytes]:
    """The method at the beginning of `data`, and the rest from the space on; None when there is none."""
    method, space, rest = data.partition(b" ")
    if not space or len(method) > _LONGEST or not is_token(method):
        return None, data
    return method.decode("ascii"), space + rest
