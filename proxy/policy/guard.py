"""Who may call, as far as the head of a request tells: Host, Origin and Sec-Fetch-Site.

The Host list stops DNS rebinding: a page that resolved its own name to loopback still sends that name. The browser
rules stop web pages, because even a GET would carry the credential. What must not live here: callers' tokens
(`proxy.policy.callers`), routing.
"""

from collections.abc import Iterable

from proxy.errors import HostNotAllowed, OriginNotAllowed

__all__ = ["LOOPBACK_NAMES", "Guard", "allowed_hosts", "host_name"]

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def host_name(host: bytes) -> bytes:
    """The lower-case name of a Host value, without its port."""
    name, colon, port = host.rpartition(b":")
    return (name if colon and (port.isdigit() or not port) else host).lower()


def allowed_hosts(names: Iterable[str], ports: Iterable[int]) -> frozenset[bytes]:
    """Host values to accept: each name that has no port of its own with each of the ports, lower-case."""
    found = set()
    for name in (name.lower() for name in names):
        if host_name(name.encode()) != name.encode():
            found.add(name.encode())
            continue
        for port in ports:
            found.add(f"{name}:{port}".encode())
            if port == 80:
                found.add(name.encode())
    return frozenset(found)


class Guard:
    """The Host list and the browser rules of one listener.

    `any_port` is for Unix sockets, which have none: there a name is enough.
    """

    __slots__ = ("_any_port", "_hosts", "_origins")

    def __init__(self, hosts: frozenset[bytes], origins: Iterable[str] = (), *, any_port: bool = False) -> None:
        self._hosts = hosts
        self._origins = frozenset(origin.lower().encode() for origin in origins)
        self._any_port = any_port

    def check_host(self, host: bytes) -> None:
        """Raises HostNotAllowed."""
        if host in self._hosts or host.lower() in self._hosts:
            return
        if self._any_port and host_name(host) in self._hosts:
            return
        raise HostNotAllowed(
            "This Host value is not one that Outrider answers to. Call it by its listen address, or add the name "
            "under access.hosts."
        )

    def check_browser(self, origin: bytes | None, sec_fetch_site: bytes | None) -> bool:
        """Whether the request comes from a listed origin and so gets that origin's CORS. Raises OriginNotAllowed."""
        if origin is not None:
            if origin.lower() in self._origins:
                return True
        elif sec_fetch_site is None or sec_fetch_site in (b"none", b"same-origin"):
            return False
        raise OriginNotAllowed(
            "Web pages may not call through Outrider, because every request carries a credential. "
            "An origin is let in by listing it under access.origins."
        )
