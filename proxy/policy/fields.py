"""What each field of a message means to a proxy, looked up by name.

Classification happens once per spelling of a name and is remembered, because it is asked for every field of every
message. Names are compared in their canonical form: lower case, with `_` read as `-`, since many servers fold both
(RFC 9110 §5.1, and the CGI mapping). What must not live here: what an upstream's configuration adds to these rules.
"""

import re

from proxy.errors import BadRequest

__all__ = [
    "CONNECTION",
    "CONTENT_LENGTH",
    "EXPECT",
    "HOP",
    "HOST",
    "LOCATION",
    "ORIGIN",
    "OUTRIDER",
    "PLAIN",
    "QUOTA",
    "SEC_FETCH_SITE",
    "SET_COOKIE",
    "TRANSFER_ENCODING",
    "UPGRADE",
    "VIA",
    "Drops",
    "FieldKinds",
    "canonical",
    "is_legal_value",
    "is_token",
    "list_members",
    "request_kinds",
    "response_kinds",
]

(
    PLAIN,
    HOP,
    HOST,
    CONNECTION,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    EXPECT,
    UPGRADE,
    VIA,
    ORIGIN,
    SEC_FETCH_SITE,
    OUTRIDER,
) = range(12)
LOCATION, SET_COOKIE, QUOTA = 12, 13, 14

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_REMEMBERED_NAMES = 2048
_REMEMBERED_LENGTH = 64

_HOP_BY_HOP = dict.fromkeys(
    (b"keep-alive", b"proxy-connection", b"te", b"trailer", b"proxy-authenticate", b"proxy-authorization"), HOP
)
_REQUEST = _HOP_BY_HOP | {
    b"host": HOST,
    b"connection": CONNECTION,
    b"content-length": CONTENT_LENGTH,
    b"transfer-encoding": TRANSFER_ENCODING,
    b"expect": EXPECT,
    b"upgrade": UPGRADE,
    b"via": VIA,
    b"origin": ORIGIN,
    b"sec-fetch-site": SEC_FETCH_SITE,
}
_RESPONSE = _HOP_BY_HOP | {
    b"connection": CONNECTION,
    b"content-length": CONTENT_LENGTH,
    b"transfer-encoding": TRANSFER_ENCODING,
    b"upgrade": UPGRADE,
    b"location": LOCATION,
    b"content-location": LOCATION,
    b"set-cookie": SET_COOKIE,
}
# What `proxy.policy.quota_fields` reads; the answer is marked, and the field passes like any other.
_QUOTA = dict.fromkeys(
    (b"ratelimit", b"ratelimit-policy", b"retry-after", b"stripe-rate-limited-reason", b"x-ratelimit-resource"), QUOTA
) | {
    b"-".join((prefix, part, *end)): QUOTA
    for prefix in (b"ratelimit", b"x-ratelimit", b"x-rate-limit")
    for part in (b"limit", b"remaining", b"reset")
    for end in ((), (b"requests",), (b"tokens",))
}


def is_token(text: bytes) -> bool:
    """Whether `text` is a token (RFC 9110 §5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def is_legal_value(value: bytes) -> bool:
    """Whether `value` may stand as a field value: no control characters but the tab (RFC 9110 §5.5)."""
    return not value.translate(None, _VALUE_BYTES)


_VALUE_BYTES = bytes([9, *range(0x20, 0x7F), *range(0x80, 0x100)])


def canonical(name: bytes) -> bytes:
    """The form in which names are compared."""
    return name.lower().replace(b"_", b"-")


def list_members(value: bytes) -> list[bytes]:
    """The lower-case members of a comma-separated list, without empty ones (RFC 9110 §5.6.1)."""
    return [member for part in value.lower().split(b",") if (member := part.strip(b" \t"))]


class FieldKinds(dict[bytes, int]):
    """Kinds by name as it was spelt; bounded, so that a peer that invents names cannot grow it."""

    __slots__ = ("_families", "_table")

    def __init__(self, table: dict[bytes, int], families: dict[bytes, int]) -> None:
        """`families` are the kinds of all names that begin so."""
        super().__init__()
        self._table = table
        self._families = families

    def __missing__(self, name: bytes) -> int:
        if not is_token(name):
            raise BadRequest("A field's name is not a token.")
        # Framing fields are known by their exact name alone: a `Content_Length` is nobody's framing, but some servers
        # read it as one, so the look-alikes of framing and hop-by-hop fields are dropped.
        lower = name.lower()
        key = lower.replace(b"_", b"-")
        kind = self._table.get(key, PLAIN)
        for prefix, family in self._families.items():
            if key.startswith(prefix):
                kind = family
        if kind != PLAIN and key != lower:
            kind = PLAIN if kind == QUOTA else HOP
        if len(name) <= _REMEMBERED_LENGTH:
            if len(self) >= _REMEMBERED_NAMES:
                self.clear()
            self[name] = kind
        return kind


class Drops(dict[bytes, bool]):
    """Whether a field of this spelling is one of `names` (canonical) and so left out; bounded."""

    __slots__ = ("_names",)

    def __init__(self, names: frozenset[bytes]) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, name: bytes) -> bool:
        drop = canonical(name) in self._names
        if len(name) <= _REMEMBERED_LENGTH:
            if len(self) >= _REMEMBERED_NAMES:
                self.clear()
            self[name] = drop
        return drop


request_kinds = FieldKinds(_REQUEST, {b"outrider-": OUTRIDER})
# An upstream's word on other origins is not meant for the local one: the edge gives its own (`proxy.edge.cors`).
response_kinds = FieldKinds(_RESPONSE | _QUOTA, {b"outrider-": HOP, b"access-control-": HOP})
