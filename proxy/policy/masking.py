"""How much of a message's head may be shown to the operator: the names of all fields, the values of harmless ones.

A value is shown when its field is known to hold no secret; every other one is masked, because a field that nobody
thought of may hold one. Queries are masked whole. What must not live here: where it is shown.
"""

from collections.abc import Iterable, Sequence

from proxy.policy.fields import canonical
from proxy.secret import REDACTED

__all__ = ["HARMLESS", "masked_fields", "masked_target"]

HARMLESS = frozenset(
    b"""
    accept accept-charset accept-encoding accept-language accept-ranges age allow cache-control cache-status
    connection content-encoding content-language content-length content-range content-type date expect expires
    host if-modified-since if-unmodified-since keep-alive last-modified max-forwards proxy-status range
    ratelimit ratelimit-limit ratelimit-policy ratelimit-remaining ratelimit-reset retry-after server te
    traceparent trailer transfer-encoding upgrade user-agent vary via x-ratelimit-limit x-ratelimit-remaining
    x-ratelimit-reset
    """.split()
)
"""Names in lower case of fields that say how, and neither who nor what."""

_LONGEST_VALUE, _LONGEST_PATH = 200, 1024


def masked_target(target: bytes) -> str:
    """The path, and whether there was a query."""
    path, mark, _ = target.partition(b"?")
    shown = _visible(path[:_LONGEST_PATH]) + ("..." if len(path) > _LONGEST_PATH else "")
    return f"{shown}?{REDACTED}" if mark else shown


def masked_fields(fields: Iterable[tuple[bytes, bytes]], hidden: frozenset[bytes]) -> Sequence[str]:
    """Lines of a head; `hidden` are canonical names whose values are masked whatever they are."""
    return [f"{_visible(name)}: {_value(canonical(name), value.strip(), hidden)}" for name, value in fields]


def _value(name: bytes, value: bytes, hidden: frozenset[bytes]) -> str:
    if name in hidden or name not in HARMLESS or len(value) > _LONGEST_VALUE:
        return REDACTED
    return _visible(value)


def _visible(text: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in text)
