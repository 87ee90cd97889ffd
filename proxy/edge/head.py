"""Reads a request's head: one pass over its fields that validates, sorts out and remembers.

What the parser already refuses is not checked again. What must not live here: who may call (`proxy.policy.guard`),
where the request goes.
"""

from aiohttp.http import RawRequestMessage

from proxy.errors import BadRequest, HeadTooLarge
from proxy.policy.fields import (
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOP,
    HOST,
    ORIGIN,
    OUTRIDER,
    PLAIN,
    SEC_FETCH_SITE,
    TRANSFER_ENCODING,
    UPGRADE,
    VIA,
    canonical,
    list_members,
    request_kinds,
)
from proxy.policy.host import is_host_value

__all__ = ["RequestHead", "read_head"]

_REFUSED_METHODS = frozenset(("CONNECT", "TRACE"))
# An upgrade to HTTP/2 would carry requests past everything that stands between (RFC 9113 removed it).
_IGNORED_UPGRADES = frozenset((b"h2c", b"h2", b"http/2.0", b"tls/1.0"))
_HOP_FIELDS = frozenset((b"connection", b"close", b"keep-alive"))


class RequestHead:
    """`fields` are the end-to-end fields; everything that concerns this hop stands in an attribute of its own."""

    __slots__ = (
        "chunked",
        "expects",
        "fields",
        "host",
        "length",
        "old",
        "origin",
        "own",
        "site",
        "target",
        "upgrade",
        "via",
    )

    def __init__(self) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.host = b""
        self.origin: bytes | None = None
        self.site: bytes | None = None
        self.length: int | None = None
        self.chunked = False
        self.expects = False
        self.old = False
        self.upgrade: bytes | None = None
        self.via: list[bytes] | None = None
        self.own: dict[bytes, bytes] | None = None


def _check_size(message: RawRequestMessage, cap: int) -> None:
    size = len(message.path) + sum(len(name) + len(value) + 4 for name, value in message.raw_headers)
    if size > cap:
        raise HeadTooLarge(f"The head is larger than {cap} bytes (limits.head).")


def read_head(message: RawRequestMessage, method: str, cap: int = 0) -> RequestHead:
    """`cap` is in bytes, 0 for a head that is known to be within it. Raises BadRequest, HeadTooLarge."""
    if cap:
        _check_size(message, cap)
    head = RequestHead()
    head.old = _is_old(message.version)
    head.target = _target(message.path, method)
    keep = head.fields.append
    kinds = request_kinds
    special: list[tuple[int, bytes, bytes]] | None = None
    hosts = 0
    for pair in message.raw_headers:
        kind = kinds[pair[0]]
        if kind == PLAIN:
            keep(pair)
        elif kind == HOST:
            hosts += 1
            head.host = pair[1]
        elif kind != HOP:
            special = special or []
            special.append((kind, *pair))
    if hosts != 1 or not is_host_value(head.host):
        raise BadRequest("A request has exactly one Host field, with a host name and an optional port.")
    if special is not None:
        _sort_out(head, special)
    return head


def _is_old(version: tuple[int, int]) -> bool:
    """Whether it is HTTP/1.0."""
    if version[0] != 1 or version[1] > 1:
        raise BadRequest("Outrider speaks HTTP/1.1 and HTTP/1.0.")
    return version[1] == 0


def _target(path: str, method: str) -> bytes:
    target = path.encode("utf-8", "surrogateescape")
    if method in _REFUSED_METHODS:
        raise BadRequest(f"{method} does not pass through Outrider.")
    if target[:1] != b"/" and target != b"*":
        raise BadRequest("The target must be a path: Outrider is called as the API itself, not as a forward proxy.")
    if b"#" in target:
        raise BadRequest("A target has no fragment.")
    return target


def _sort_out(head: RequestHead, special: list[tuple[int, bytes, bytes]]) -> None:
    named: list[bytes] = []
    upgrade: bytes | None = None
    for kind, name, value in special:
        if kind == CONNECTION:
            named += list_members(value)
        elif kind == CONTENT_LENGTH:
            head.length = int(value)
        elif kind == TRANSFER_ENCODING:
            _check_coding(head, value)
        elif kind == UPGRADE:
            upgrade = value if upgrade is None else upgrade + b", " + value
        elif kind == EXPECT:
            if value.lower() != b"100-continue":
                raise BadRequest("Outrider knows no expectation but 100-continue.")
            head.expects = not head.old
        elif kind == VIA:
            head.via = [*(head.via or ()), value]
        elif kind == OUTRIDER:
            _take_own(head, name.lower(), value)
        else:
            _browser_field(head, kind, name, value)
    if head.chunked and head.length is not None:
        raise BadRequest("Content-Length and Transfer-Encoding exclude each other.")
    if named:
        _apply_connection(head, frozenset(named), upgrade)


def _check_coding(head: RequestHead, value: bytes) -> None:
    if head.chunked or head.old or value.lower() != b"chunked":
        raise BadRequest("The only transfer coding that Outrider takes is `chunked`, once, in HTTP/1.1.")
    head.chunked = True


def _take_own(head: RequestHead, name: bytes, value: bytes) -> None:
    head.own = {} if head.own is None else head.own
    if name in head.own:
        raise BadRequest(f"The field {name.decode()} is given more than once.")
    head.own[name] = value


def _browser_field(head: RequestHead, kind: int, name: bytes, value: bytes) -> None:
    """Kept for the upstream, and for the guard; repeated ones could make the two see different values."""
    if kind == ORIGIN:
        if head.origin is not None:
            raise BadRequest("The field Origin is given more than once.")
        head.origin = value
    elif kind == SEC_FETCH_SITE:
        if head.site is not None:
            raise BadRequest("The field Sec-Fetch-Site is given more than once.")
        head.site = value
    head.fields.append((name, value))


def _apply_connection(head: RequestHead, named: frozenset[bytes], upgrade: bytes | None) -> None:
    if b"upgrade" in named and upgrade is not None and not head.old:
        wanted = [protocol for protocol in upgrade.split(b",") if protocol.strip().lower() not in _IGNORED_UPGRADES]
        head.upgrade = b",".join(wanted).strip() or None
    extra = {canonical(name) for name in named - _HOP_FIELDS}
    if extra:
        head.fields = [field for field in head.fields if canonical(field[0]) not in extra]
