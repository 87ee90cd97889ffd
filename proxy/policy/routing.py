"""Which upstream and which of its routes a request meets.

Host names come before prefixes, longer prefixes before shorter ones, an upstream without a match last. Paths are
matched in the form in which the upstream will understand them; a path that can be understood in two ways is refused
where a pattern decides anything. What must not live here: what a route does.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from proxy.config.model import Config, Route, Timeouts, Upstream
from proxy.errors import BadRequest, RouteNotFound

__all__ = ["Matched", "PathPattern", "RouteEntry", "RoutingTable", "UpstreamEntry", "is_ambiguous", "join_path"]

# Spellings of a separator, a NUL or a dot segment that one server decodes and the next does not.
_ENCODED = re.compile(rb"%(?:2f|5c|00)|\\|\x00", re.IGNORECASE)
_DOT = rb"(?:\.|%2e)"
_DOT_SEGMENT = re.compile(rb"(?:^|/)(?:;[^/]*)?" + _DOT + rb"{1,2}(?=[;/]|%3b|$)", re.IGNORECASE)

_REMEMBERED_METHODS = 32
_DECODED = 4
"""How often a path is decoded in search of these; what is encoded deeper means no plain name."""


def is_ambiguous(path: bytes) -> bool:
    """Whether servers disagree on what `path` (without query) names, however often they decode it."""
    if b"//" in path:
        return True
    for _ in range(_DECODED):
        if _ENCODED.search(path) is not None or _DOT_SEGMENT.search(path) is not None:
            return True
        # A percent sign, and each digit behind it, may be encoded in its turn.
        decoded = unquote_to_bytes(path)
        if decoded == path:
            return False
        path = decoded
    return True


def join_path(base: bytes, rest: bytes) -> bytes:
    """The target at the upstream: base path and the rest of the caller's target, byte for byte."""
    if rest == b"*":
        return rest
    target = base + rest
    return target if target[:1] == b"/" else b"/" + target


class PathPattern:
    """`/orders/*`, `/files/**`: `*` is one segment, a last `**` is everything below."""

    __slots__ = ("_regex", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        parts = []
        for segment in text.encode().split(b"/")[1:]:
            if segment == b"**":
                parts.append(rb"(?:/.*)?")
            else:
                parts.append(b"/" + rb"[^/]*".join(re.escape(piece) for piece in segment.split(b"*")))
        self._regex = re.compile(b"".join(parts), re.DOTALL)

    def fits(self, path: bytes) -> bool:
        return self._regex.fullmatch(path) is not None


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """A route, or (with `route` None) the upstream's own policies. `number` is unique in the table."""

    number: int
    upstream: "UpstreamEntry"
    route: Route | None
    methods: frozenset[str] | None
    pattern: PathPattern | None

    @property
    def auth(self) -> str:
        return self.route.auth if self.route is not None and self.route.auth is not None else self.upstream.config.auth

    @property
    def timeout(self) -> Timeouts:
        return self.route.timeout if self.route is not None and self.route.timeout else self.upstream.config.timeout


@dataclass(slots=True, eq=False)
class UpstreamEntry:
    """An upstream with its routes, first match first; the last one is the upstream itself."""

    name: str
    config: Upstream
    prefix: bytes
    base: bytes
    routes: tuple[RouteEntry, ...] = ()
    _by_method: dict[str, tuple[RouteEntry, ...]] = field(default_factory=dict)

    def pick(self, method: str, rest: bytes) -> RouteEntry:
        """The first route that fits. Raises BadRequest for a path that patterns cannot judge."""
        candidates = self._by_method.get(method)
        if candidates is None:
            candidates = self._candidates(method)
        if candidates:
            path = matchable(rest)
            for entry in candidates:
                if entry.pattern is not None and entry.pattern.fits(path):
                    return entry
        return self.routes[-1]

    def _candidates(self, method: str) -> tuple[RouteEntry, ...]:
        """The routes that take `method`, remembered; bounded, because callers invent methods."""
        found = tuple(entry for entry in self.routes[:-1] if entry.methods is None or method in entry.methods)
        if len(self._by_method) < _REMEMBERED_METHODS:
            self._by_method[method] = found
        return found


def matchable(rest: bytes) -> bytes:
    """The path of `rest` as patterns see it: decoded, without query. Raises BadRequest when it is ambiguous."""
    path = rest.partition(b"?")[0] or b"/"
    # None of these, nothing to doubt: the usual path is through after five searches in C.
    if b"%" not in path and b"/." not in path and b"\\" not in path and b";" not in path and b"//" not in path:
        return path
    if is_ambiguous(path):
        raise BadRequest(
            "The path has an encoded separator, a dot segment or an empty one, which servers read in different ways; "
            "routes with patterns take plain paths only."
        )
    return unquote_to_bytes(path) if b"%" in path else path


class Matched(NamedTuple):
    """An upstream's route, and `rest`: what of the target stands below the upstream's base path."""

    route: RouteEntry
    rest: bytes


class RoutingTable:
    """Built once from a configuration; asked for every request."""

    __slots__ = ("_any_host", "_by_host", "entries", "hosts", "routes")

    def __init__(self, config: Config) -> None:
        self.entries: dict[str, UpstreamEntry] = {}
        self.routes: list[RouteEntry] = []
        self._by_host: dict[bytes, list[UpstreamEntry]] = {}
        self._any_host: list[UpstreamEntry] = []
        for name, upstream in config.upstreams.items():
            entry = self._entry(name, upstream)
            self.entries[name] = entry
            host = upstream.match.host
            (self._any_host if host is None else self._by_host.setdefault(host.lower().encode(), [])).append(entry)
        for entries in (self._any_host, *self._by_host.values()):
            entries.sort(key=lambda entry: -len(entry.prefix))
        self.hosts = frozenset(self._by_host)

    def _entry(self, name: str, upstream: Upstream) -> UpstreamEntry:
        prefix = (upstream.match.prefix or "").rstrip("/").encode()
        base = urlsplit(upstream.url).path.rstrip("/").encode()
        entry = UpstreamEntry(name, upstream, prefix, base)
        routes = []
        for route in [*upstream.routes, None]:
            methods, _, path = (route.match if route else "* /**").partition(" ")
            allowed = None if methods == "*" else frozenset(methods.split(","))
            pattern = PathPattern(path) if route else None
            routes.append(RouteEntry(len(self.routes), entry, route, allowed, pattern))
            self.routes.append(routes[-1])
        entry.routes = tuple(routes)
        return entry

    def match(self, host: bytes, method: str, target: bytes) -> Matched:
        """`host` is lower-case and without port; `target` is in origin-form. Raises RouteNotFound, BadRequest."""
        if self._by_host and (named := self._by_host.get(host)) is not None:
            found = _longest(named, target)
            if found is not None:
                return self._enter(found, method, target)
        found = _longest(self._any_host, target)
        if found is None:
            raise RouteNotFound("No upstream matches this host and path.")
        return self._enter(found, method, target)

    def _enter(self, entry: UpstreamEntry, method: str, target: bytes) -> Matched:
        rest = target[len(entry.prefix) :]
        route = entry.pick(method, rest)
        return Matched(route, target if entry.config.keep_prefix else rest)


def _longest(entries: list[UpstreamEntry], target: bytes) -> UpstreamEntry | None:
    for entry in entries:
        prefix = entry.prefix
        if not prefix or (target.startswith(prefix) and target[len(prefix) : len(prefix) + 1] in (b"", b"/", b"?")):
            return entry
    return None
