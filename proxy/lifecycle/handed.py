"""Sockets that the service manager opened and hands over (sd_listen_fds(3)).

What must not live here: serving on them.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.lifecycle.failure import StartFailed

__all__ = ["ADMIN", "Handed", "handed_sockets"]

ADMIN = "admin"
"""The name of sockets for the admin listener; those of every other name are the proxy's."""

_FIRST = 3


@dataclass(frozen=True, slots=True)
class Handed:
    """`sockets` are by the address that stands for each in the configuration; `admin` are those of the admin plane."""

    sockets: Mapping[str, socket.socket] = field(default_factory=dict)
    admin: frozenset[str] = frozenset()

    @property
    def variables(self) -> dict[str, str]:
        """What the environment says where sockets were handed over: they are listened on, whatever the file names."""
        proxy = [address for address in self.sockets if address not in self.admin]
        found = {"OUTRIDER_LISTEN": ",".join(proxy), "OUTRIDER_ADMIN_LISTEN": ",".join(self.admin)}
        return {name: value for name, value in found.items() if value}


def handed_sockets(environ: Mapping[str, str], pid: int, first: int = _FIRST) -> Handed:
    """None at all where nothing was handed to this process. Raises StartFailed for one that cannot be used."""
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(pid) or not count.isdecimal():
        return Handed()
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    sockets: dict[str, socket.socket] = {}
    admin = set()
    for number in range(int(count)):
        address, sock = _adopted(first + number)
        sockets[address] = sock
        if names[number : number + 1] == [ADMIN]:
            admin.add(address)
    return Handed(sockets, frozenset(admin))


def _adopted(descriptor: int) -> tuple[str, socket.socket]:
    try:
        sock = socket.socket(fileno=descriptor)
        sock.set_inheritable(False)
        sock.setblocking(False)
        listens = sock.type == socket.SOCK_STREAM and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise StartFailed(f"descriptor {descriptor} of LISTEN_FDS is no socket: {error.strerror}", 78) from error
    address = _written(sock.getsockname()) if listens else None
    if address is None:
        raise StartFailed(
            f"descriptor {descriptor} of LISTEN_FDS does not listen on TCP or on a path: "
            "write ListenStream= with an address, and no Accept=yes",
            78,
        )
    return address, sock


def _written(name: object) -> str | None:
    """As the configuration writes it."""
    if isinstance(name, tuple):
        host, port = name[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"unix:{name}" if isinstance(name, str) and name.startswith("/") else None
