"""How the upstream's response head becomes the caller's: fields edited, places that point into the upstream rewritten.

`Location` and cookie paths are turned back to the base that the caller knows (the local address and the upstream's
prefix); everything that points elsewhere passes as it came. What must not live here: parsing, framing.
"""

from urllib.parse import urlsplit

from proxy.message import Exchange
from proxy.policy.fields import Drops, canonical
from proxy.policy.outgoing import host_field
from proxy.policy.routing import RouteEntry

__all__ = ["IncomingRules"]


class IncomingRules:
    """Edits response lines for one route."""

    __slots__ = ("_base", "_dropped", "_host", "_origins", "_prefix", "_scheme", "_set", "edits")

    def __init__(self, route: RouteEntry) -> None:
        config = route.upstream.config
        headers = route.route.headers if route.route is not None and route.route.headers is not None else config.headers
        edits = headers.response
        self._set = [f"{name}: {value}".encode() for name, value in edits.set.items()]
        dropped = frozenset(canonical(name.encode()) for name in (*edits.set, *edits.remove))
        self._dropped = Drops(dropped)
        self.edits = bool(self._set or dropped)
        self._base = route.upstream.base
        self._prefix = b"" if config.keep_prefix else route.upstream.prefix
        scheme = urlsplit(config.url).scheme.encode()
        self._scheme = scheme + b":"
        host = host_field(config.url).lower()
        port = b":443" if scheme == b"https" else b":80"
        self._host = (urlsplit(config.url).hostname or "").lower().encode()
        explicit = [] if b":" in host.rpartition(b"]")[2] else [host + port]
        self._origins = tuple(scheme + b"://" + name for name in (host, *explicit))

    def edit(self, lines: list[bytes]) -> list[bytes]:
        """`lines` without the removed fields and with the set ones."""
        dropped = self._dropped
        kept = [line for line in lines if not dropped[line.partition(b":")[0]]]
        return kept + self._set if self._set else kept

    def rewrite(self, line: bytes, exchange: Exchange) -> bytes:
        """A `Location`, `Content-Location` or `Set-Cookie` line as the caller may use it."""
        name, _, value = line.partition(b":")
        value = value.strip(b" \t")
        if name.lower() == b"set-cookie":
            return name + b": " + self._cookie(value)
        return name + b": " + self._location(value, exchange)

    def _location(self, value: bytes, exchange: Exchange) -> bytes:
        absolute = self._scheme + value if value[:2] == b"//" else value
        lower = absolute.lower()
        for origin in self._origins:
            end = len(origin)
            if lower.startswith(origin) and absolute[end : end + 1] in (b"", b"/", b"?", b"#"):
                local = self._local_path(absolute[end:] or b"/")
                return value if local is None else b"http://" + exchange.host + local
        if value[:1] == b"/" and value[:2] != b"//":
            # Outside the base path it means another place than it would here, so it is told with its origin.
            return self._local_path(value) or self._origins[0] + value
        return value

    def _local_path(self, path: bytes) -> bytes | None:
        """The caller's path for one at the upstream; None when it is outside the base path."""
        base = self._base
        if base:
            if not path.startswith(base) or path[len(base) : len(base) + 1] not in (b"", b"/", b"?", b"#"):
                return None
            path = path[len(base) :]
        local = self._prefix + path
        return local if local[:1] == b"/" else b"/" + local

    def _cookie(self, value: bytes) -> bytes:
        """Path under the local base; a Domain that names the upstream's host is dropped, as no local caller has it."""
        parts = value.split(b";")
        kept = parts[:1]
        for part in parts[1:]:
            key, _, attribute = part.partition(b"=")
            attribute = attribute.strip()
            match key.strip().lower():
                case b"path" if attribute[:1] == b"/":
                    kept.append(b" Path=" + self._cookie_path(attribute))
                case b"domain" if self._covers(attribute.lower().lstrip(b".")):
                    continue
                case _:
                    kept.append(part)
        return b";".join(kept)

    def _cookie_path(self, path: bytes) -> bytes:
        local = self._local_path(path)
        if local is None and (self._base + b"/").startswith(path.rstrip(b"/") + b"/"):
            # It covers the whole base, and must not come to cover the other upstreams of this address.
            return self._prefix or b"/"
        return path if local is None else local

    def _covers(self, domain: bytes) -> bool:
        return self._host == domain or self._host.endswith(b"." + domain)
