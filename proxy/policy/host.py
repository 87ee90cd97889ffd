"""What a Host value looks like (RFC 9110 §7.2, RFC 3986 §3.2.2).

What must not live here: which values are allowed (`guard`).
"""

import re

__all__ = ["is_host_value"]

_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._~%-]{1,255})(?::[0-9]{1,5})?")
_REMEMBERED = 512
_REMEMBERED_LENGTH = 300
_known: dict[bytes, bool] = {}


def is_host_value(value: bytes) -> bool:
    """A name or address with an optional port; no user information, path, list or space. Remembered, bounded."""
    known = _known.get(value)
    if known is None:
        known = _HOST.fullmatch(value) is not None
        if len(value) <= _REMEMBERED_LENGTH:
            if len(_known) >= _REMEMBERED:
                _known.clear()
            _known[value] = known
    return known
