"""Addresses to listen on, as they are written and as values.

Pure functions; nothing is resolved or bound here.
"""

import ipaddress
import re
from dataclasses import dataclass

from proxy.config.base import wrong

__all__ = ["Address", "TcpAddress", "UnixAddress", "bracketed", "parse_address"]

_RIGHT = "write 127.0.0.1:8080, [::1]:8080, localhost:8080 or unix:/path/to/socket"
_TCP = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)):([0-9]{1,5})")
_LONGEST_SOCKET_PATH = 107
"""Bytes in `sun_path`, without its final NUL, on Linux."""


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """`host` has no brackets; port 0 is a free one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_wildcard(self) -> bool:
        return self.host in ("0.0.0.0", "::")  # noqa: S104 - the name of the address, bound by nobody here

    def clashes(self, other: "Address") -> bool:
        """Whether both cannot be bound at once."""
        if not isinstance(other, TcpAddress) or self.port != other.port or self.port == 0:
            return False
        return self.host == other.host or self._covers(other.host) or other._covers(self.host)

    def _covers(self, host: str) -> bool:
        """A wildcard has all addresses of its own family, and so may have whatever a name stands for."""
        return self.is_wildcard and (re.search("[^0-9a-f:.]", host) is not None or (":" in host) == (":" in self.host))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A socket in the file system; reached by nobody from another machine."""

    path: str

    @property
    def is_loopback(self) -> bool:
        return True

    def clashes(self, other: "Address") -> bool:
        return self == other

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = TcpAddress | UnixAddress


def parse_address(text: str) -> Address:
    """`host:port`, `[v6]:port` or `unix:/path`. Raises ValueError."""
    if text.startswith("unix:"):
        return UnixAddress(_socket_path(text.removeprefix("unix:")))
    match = _TCP.fullmatch(text)
    if match is None:
        raise wrong("not an address to listen on", _RIGHT)
    host, port = (match[1] or match[2]).lower(), int(match[3])
    if port > 65535:
        raise wrong("there is no such port", "write a port from 0 (any free one) to 65535")
    if match[1] is not None or re.fullmatch(r"[0-9.]+", host):
        try:
            host = str(ipaddress.ip_address(host))
        except ValueError:
            raise wrong("not an IP address", _RIGHT) from None
    return TcpAddress(host, port)


def _socket_path(path: str) -> str:
    if not path.startswith("/") or path.endswith("/") or "\0" in path:
        raise wrong("a Unix socket needs an absolute path", "write unix:/path/to/socket")
    if len(path.encode(errors="replace")) > _LONGEST_SOCKET_PATH:
        raise wrong("the socket's path is too long", f"{_LONGEST_SOCKET_PATH} bytes are the most that systems allow")
    return path


def bracketed(name: str) -> str:
    """An IPv6 address that stands alone, as Kubernetes tells a pod's, in the brackets that it has before a port."""
    try:
        ipaddress.IPv6Address(name)
    except ValueError:
        return name
    return f"[{name}]"
