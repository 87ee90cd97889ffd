"""How a caller's request becomes the head that goes to the upstream.

Everything that is the same for every request of a route is made into bytes once. What must not live here: sockets,
which credential is current (the exchange brings it).
"""

from collections.abc import Iterable, Sequence
from typing import cast
from urllib.parse import unquote_to_bytes, urlsplit

from proxy.errors import LoopDetected
from proxy.message import Exchange
from proxy.message.exchange import CookieSet, Injection
from proxy.policy.cookie_jar import is_safe
from proxy.policy.fields import Drops, canonical, list_members
from proxy.policy.routing import RouteEntry, join_path

__all__ = ["FORWARDING_FIELDS", "OutgoingRules", "host_field"]

FORWARDING_FIELDS = (
    b"forwarded",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-forwarded-port",
    b"x-forwarded-prefix",
    b"x-forwarded-server",
    b"x-real-ip",
)
_METHODS = {method: method.encode() + b" " for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
_MOST_OUTRIDERS = 8
"""Ends a loop that something breaks the marks of."""


def host_field(url: str) -> bytes:
    """The Host value of an upstream: without the port where it is the scheme's own (RFC 9110 §7.2)."""
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna" if not (parts.hostname or "").isascii() else "ascii")
    if b":" in host:
        host = b"[" + host + b"]"
    default = 443 if parts.scheme == "https" else 80
    return host if parts.port in (None, default) else host + b":%d" % parts.port


class OutgoingRules:
    """Encodes request heads for one route, with or without its profile's credential.

    `owned` are the canonical names of the fields that the credential brings; `query_name` and `cookie_name` are those
    of its parameter and cookie. A caller's own of these never goes on. `mark` tells one Outrider from another in `Via`:
    requests may pass through several, but not twice through the same; without a mark all are the same.
    """

    __slots__ = (
        "_base",
        "_constant",
        "_cookie_names",
        "_drops",
        "_host_name",
        "_mark",
        "_query_name",
        "_secure",
        "_set",
        "_via",
        "host",
    )

    def __init__(
        self,
        route: RouteEntry,
        owned: Iterable[bytes] = (),
        query_name: bytes = b"",
        cookie_name: bytes = b"",
        mark: bytes = b"",
    ) -> None:
        config = route.upstream.config
        edits = route.route.headers if route.route is not None and route.route.headers is not None else config.headers
        own = frozenset(owned)
        self._set = [
            (name.encode(), value.encode()) for name, value in edits.set.items() if canonical(name.encode()) not in own
        ]
        set_lines = b"".join(name + b": " + value + b"\r\n" for name, value in self._set)
        dropped = {canonical(name.encode()) for name in (*edits.set, *edits.remove)} | own
        if not config.forwarded:
            dropped.update(FORWARDING_FIELDS)
        self._base = route.upstream.base
        self.host = host_field(config.url)
        self._constant = b" HTTP/1.1\r\nHost: " + self.host + b"\r\n" + set_lines
        self._drops = Drops(frozenset(dropped))
        self._query_name = query_name
        self._mark = b"(" + mark + b")" if mark else b""
        self._via = b"Via: 1.1 outrider" + (b" " + self._mark if mark else b"") + b"\r\n"
        self._cookie_names = frozenset((cookie_name,))
        self._host_name = urlsplit(config.url).hostname or ""
        self._secure = is_safe(config.url)

    def target(self, exchange: Exchange) -> bytes:
        """The target as the upstream sees it, but for what a credential adds to its query."""
        return join_path(self._base, exchange.path)

    def fields(self, exchange: Exchange) -> list[tuple[bytes, bytes]]:
        """The end-to-end fields that are sent: the configured ones and what goes on of the caller's."""
        drops = self._drops
        return [*self._set, *(field for field in exchange.fields if not drops[field[0]])]

    def encode(self, exchange: Exchange) -> bytes:
        """The whole head with its empty line. Raises LoopDetected."""
        target = join_path(self._base, exchange.path)
        injection = exchange.injection
        drops = self._drops
        fields = exchange.fields
        if injection is not None and (injection.query or injection.cookie):
            target = self._inject_query(target, injection.query)
            fields = self._inject_cookie(fields, injection, target)
        method = exchange.method
        parts = [_METHODS.get(method) or method.encode() + b" ", target, self._constant]
        for name, value in fields:
            if not drops[name]:
                parts += (name, b": ", value, b"\r\n")
        if injection is not None:
            parts.append(injection.lines)
        if exchange.via:
            parts.append(_passed_via(exchange.via, self._mark))
        parts.append(self._via)
        content = exchange.content
        if content is None and exchange.upgrade is None:
            parts.append(b"\r\n")
        else:
            parts.append(_framing(exchange))
        return b"".join(parts)

    def _inject_query(self, target: bytes, parameter: bytes) -> bytes:
        # The asterisk of OPTIONS is a target of its own, and has no query (RFC 9112 §3.2.4).
        if not parameter or target == b"*":
            return target
        path, mark, query = target.partition(b"?")
        kept = (
            [part for part in query.split(b"&") if unquote_to_bytes(part.partition(b"=")[0]) != self._query_name]
            if mark
            else []
        )
        return path + b"?" + b"&".join([*kept, parameter])

    def _inject_cookie(
        self, fields: Sequence[tuple[bytes, bytes]], injection: Injection, target: bytes
    ) -> Sequence[tuple[bytes, bytes]]:
        cookie, names = injection.cookie, self._cookie_names
        if not cookie:
            return fields
        if hasattr(injection, "crumbs"):
            jar = cast(CookieSet, injection)
            host, path = self._host_name, target.partition(b"?")[0].decode("latin-1")
            cookie = b"; ".join(jar.crumbs(host, path, secure=self._secure))
            names = jar.cookie_names
        others = [field for field in fields if canonical(field[0]) != b"cookie"]
        crumbs = [
            crumb
            for name, value in fields
            if canonical(name) == b"cookie"
            for part in value.split(b";")
            if (crumb := part.strip()) and crumb.partition(b"=")[0].strip() not in names
        ]
        if cookie:
            crumbs.append(cookie)
        return [*others, (b"Cookie", b"; ".join(crumbs))] if crumbs else others


def _passed_via(values: list[bytes], mark: bytes) -> bytes:
    passed = 0
    for value in values:
        for member in list_members(value):
            _, *by = member.split(b" ", 2)
            if by[:1] == [b"outrider"]:
                passed += 1
                if not mark or by[1:] == [mark] or passed > _MOST_OUTRIDERS:
                    raise LoopDetected(
                        "The request has been here before: an upstream's URL leads back to this Outrider."
                    )
    return b"".join(b"Via: " + value + b"\r\n" for value in values)


def _framing(exchange: Exchange) -> bytes:
    content = exchange.content
    if content is None:
        framing = b"\r\n"
    elif content.length is not None:
        framing = b"Content-Length: %d\r\n\r\n" % content.length
    else:
        framing = b"Transfer-Encoding: chunked\r\n\r\n"
    if exchange.upgrade is not None:
        return b"Connection: Upgrade\r\nUpgrade: " + exchange.upgrade + b"\r\n" + framing
    if exchange.expects_continue:
        return b"Expect: 100-continue\r\n" + framing
    return framing
