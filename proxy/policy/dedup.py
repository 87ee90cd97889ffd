"""Which requests are one and the same, and which answers may be given to more than one of them.

A key holds everything that may change the answer: who asks, with which credential, for what, in which form, and what
the target's answers have said they vary by. Requests that say they want an answer of their own have no key. What must
not live here: waiting, bytes of answers, what is in flight.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from proxy.message import Exchange, Response
from proxy.policy.fields import canonical, list_members

__all__ = ["ANY", "IdentityRules", "Key", "Variant", "digest", "may_be_joined_late", "may_be_kept"]

Key = tuple[object, ...]
Values = tuple[tuple[tuple[bytes, bytes], ...], ...]

_ALWAYS = frozenset(("GET", "HEAD"))
_BYPASS, _CACHE_CONTROL = b"\x00bypass", b"\x00cache"
_BYPASSING = frozenset((b"authorization", b"cookie"))
_OWN_ANSWER = frozenset((b"no-cache", b"no-store", b"max-age=0"))

_SELECTING = frozenset(
    (
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"content-encoding",
        b"content-language",
        b"content-type",
        b"expect",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"prefer",
        b"range",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-original-url",
        b"x-rewrite-url",
    )
)
"""Fields by which servers choose what they answer."""

_FORWARDING = re.compile(rb"forwarded|x-forwarded-.*|x-real-ip")
_IDENTITY = re.compile(
    rb"auth|token|key|secret|session|signature|credential|passw|cookie|tenant|account|customer|organi[sz]ation"
    rb"|project|impersonat|behalf|identity|principal|subject|client-|csrf|xsrf|user(?!-agent$)"
)
"""Names of fields by which APIs tell their users apart, or (`Idempotency-Key`) one operation from another."""

_REMEMBERED_NAMES = 2048
_REMEMBERED_TARGETS = 1024
_REMEMBERED_LINES = 256

ANY = b"*"
"""`Vary: *`: no request is like another (RFC 9110 §12.5.5)."""


class Variant(NamedTuple):
    """What an answer was selected by beside its key: canonical names of fields, and the values that were sent."""

    names: tuple[bytes, ...] = ()
    values: Values = ()

    def fits(self, exchange: Exchange) -> bool:
        """Whether `exchange` would have been given the same answer."""
        return not self.names or (ANY not in self.names and _values(exchange, self.names) == self.values)


_NO_VARIANT = Variant()


class IdentityRules:
    """The keys of one route's requests, and the memory of what its targets vary by.

    `scope` is what all requests of the route have in common: upstream and profile. `methods` take part beside GET and
    HEAD. `forwarded` tells that the callers' forwarding fields reach the upstream.
    """

    __slots__ = ("_kinds", "_listed", "_read", "_scope", "_varies")

    def __init__(self, scope: object, methods: Iterable[str] = (), *, forwarded: bool = False) -> None:
        self._scope = scope
        self._listed = frozenset(methods)
        self._kinds = _Kinds(forwarded)
        self._varies: dict[bytes, tuple[bytes, ...]] = {}
        self._read: dict[bytes, tuple[bytes, ...]] = {}

    def takes_part(self, exchange: Exchange) -> bool:
        """Whether a request of this kind may share at all, whatever its fields say."""
        if not exchange.wants_dedup or exchange.upgrade is not None:
            return False
        method = exchange.method
        if method in self._listed:
            return True
        return method in _ALWAYS and (exchange.content is None or exchange.content.length == 0)

    def key(self, exchange: Exchange, content: bytes = b"") -> Key | None:
        """What identical requests have in common; None for one that wants an answer of its own.

        `content` stands for the request's content: its `digest`, empty where there is none.
        """
        selecting: list[tuple[bytes, bytes]] = []
        kinds = self._kinds
        for name, value in exchange.fields:
            kind = kinds[name]
            if kind is None:
                continue
            if kind is _BYPASS or (kind is _CACHE_CONTROL and not _OWN_ANSWER.isdisjoint(list_members(value))):
                return None
            selecting.append((kind, value))
        varied = None
        if self._varies and (names := self._varies.get(exchange.path)):
            if ANY in names:
                return None
            varied = names, _values(exchange, names)
        return (
            self._scope,
            exchange.method,
            exchange.path,
            tuple(selecting),
            exchange.host,
            exchange.caller,
            varied,
            content,
            exchange.rewritten,
            _wishes(exchange),
        )

    def learn(self, exchange: Exchange, response: Response) -> Variant:
        """What `response` was selected by; remembered for the next requests to its target."""
        names = self._names(response.lines)
        if names:
            if exchange.path not in self._varies and len(self._varies) >= _REMEMBERED_TARGETS:
                del self._varies[next(iter(self._varies))]
            self._varies[exchange.path] = names
            return Variant(names, _values(exchange, names))
        return _NO_VARIANT

    def _names(self, lines: Sequence[bytes]) -> tuple[bytes, ...]:
        """The names that `Vary` has, without those that are in every key or keep a request from having one."""
        # Nearly every answer has none or one, and always the same.
        varying = [line for line in lines if line[4:5] == b":" and line[:4].lower() == b"vary"]
        if not varying:
            return ()
        text = varying[0][5:] if len(varying) == 1 else b",".join(line[5:] for line in varying)
        names = self._read.get(text)
        if names is None:
            if len(self._read) >= _REMEMBERED_LINES:
                self._read.clear()
            names = self._read[text] = self._sort_out(list_members(text))
        return names

    def _sort_out(self, members: list[bytes]) -> tuple[bytes, ...]:
        if ANY in members:
            return (ANY,)
        return tuple(sorted({name for name in map(canonical, members) if self._kinds[name] is None}))


class _Kinds(dict[bytes, bytes | None]):
    """By a field's name as it was spelt: its lower-case name where it is in the key, a mark, or None; bounded."""

    __slots__ = ("_forwarded",)

    def __init__(self, forwarded: bool) -> None:
        super().__init__()
        self._forwarded = forwarded

    def __missing__(self, name: bytes) -> bytes | None:
        if len(self) >= _REMEMBERED_NAMES:
            self.clear()
        kind = self._kind(canonical(name))
        # As it was spelt but for case: who folds `_` and `-` and who does not, both see a difference.
        kind = self[name] = name.lower() if kind == canonical(name) else kind
        return kind

    def _kind(self, name: bytes) -> bytes | None:
        if name in _BYPASSING:
            return _BYPASS
        if name in (b"cache-control", b"pragma"):
            return _CACHE_CONTROL
        if name in _SELECTING or _IDENTITY.search(name) or (self._forwarded and _FORWARDING.fullmatch(name)):
            return name
        return None


def _wishes(exchange: Exchange) -> tuple[object, ...] | None:
    """What else the call depends on; None where it is as it mostly is."""
    if exchange.wants_auth and exchange.wants_retry and not exchange.min_interval and not exchange.via:
        return None
    return exchange.wants_auth, exchange.wants_retry, exchange.min_interval, tuple(exchange.via or ())


def _values(exchange: Exchange, names: tuple[bytes, ...]) -> Values:
    return tuple(
        tuple((field.lower(), value) for field, value in exchange.fields if canonical(field) == name)
        for name in names
        if name != ANY
    )


def digest(content: bytes) -> bytes:
    """What stands for a request's content in its key."""
    return hashlib.sha256(content).digest()


def may_be_kept(response: Response, variant: Variant, *, include_private: bool) -> bool:
    """Whether a complete answer may be given to identical requests after it has ended."""
    if not 200 <= response.status < 300 or ANY in variant.names:
        return False
    for line in response.lines:
        # Looked at by length first: most lines are neither, and every answer is asked.
        if line[10:11] == b":" and line[:10].lower() == b"set-cookie":
            return False
        is_control = line[13:14] == b":" and line[:13].lower() == b"cache-control"
        if is_control and not include_private and _is_private(line[14:]):
            return False
    return True


def _is_private(value: bytes) -> bool:
    return any(member.partition(b"=")[0] in (b"private", b"no-store", b"no-cache") for member in list_members(value))


def may_be_joined_late(response: Response, variant: Variant) -> bool:
    """Whether who comes after the head may have the answer from its beginning: not a feed, whose past has passed."""
    kind = response.get(b"content-type")
    return ANY not in variant.names and (kind is None or not kind.lower().startswith(b"text/event-stream"))
