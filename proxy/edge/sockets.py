"""Sockets that listen: bound from an address as it is written in the file, or handed over by the service manager.

A socket is bound before anybody is served on it, so that a reload that fails has changed nothing. What must not live
here: connections.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

__all__ = ["BACKLOG", "Bound", "bind"]

BACKLOG = 1024
_SOCKET_MODE = 0o600


class Bound:
    """One address. `url` is what callers use, or `unix:/path`; `name` and `port` are empty for Unix sockets."""

    __slots__ = ("_names", "_path", "address", "name", "port", "sockets", "url")

    def __init__(self, address: str, sockets: list[socket.socket], name: str, path: Path | None = None) -> None:
        self.address = address
        self.sockets = sockets
        self.name = f"[{name}]" if ":" in name else name
        self.port = sockets[0].getsockname()[1] if name else 0
        self.url = f"http://{self.name}:{self.port}" if name else address
        self._path = path
        self._names = [sock.getsockname() for sock in sockets]

    def has(self, name: object) -> bool:
        """Whether a connection with this name of its own came by this address."""
        if not isinstance(name, tuple):
            return name in self._names
        return any(isinstance(own, tuple) and own[1] == name[1] and _meets(own[0], name[0]) for own in self._names)

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _meets(own: str, name: str) -> bool:
    return own in ("0.0.0.0", "::", name)  # noqa: S104 - what the system calls it, bound by nobody here


async def bind(address: str, loop: asyncio.AbstractEventLoop, handed: socket.socket | None = None) -> Bound:
    """Listen on `address`, or on the socket that was `handed` over for it. Raises OSError, with nothing left open."""
    if address.startswith("unix:"):
        path = Path(address.removeprefix("unix:"))
        return Bound(address, [_unix(path) if handed is None else handed], "", path if handed is None else None)
    host, _, port = address.rpartition(":")
    name = host.strip("[]")
    if handed is not None:
        return Bound(address, [handed], name)
    found = await loop.getaddrinfo(name, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, where in dict.fromkeys(found):
            # A free port is chosen once, and is the same for all that the name stands for.
            chosen = sockets[0].getsockname()[1] if sockets else where[1]
            sockets.append(_tcp(family, (where[0], chosen, *where[2:])))
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return Bound(address, sockets, name)


def _tcp(family: int, where: tuple[object, ...]) -> socket.socket:
    with _listening(family) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(where)
    return sock


def _unix(path: Path) -> socket.socket:
    _remove_dead_socket(path)
    with _listening(socket.AF_UNIX) as sock:
        # The mode must hold from the first moment on, so the socket is made under a mask.
        mask = os.umask(0o777 & ~_SOCKET_MODE)
        try:
            sock.bind(str(path))
        finally:
            os.umask(mask)
    return sock


@contextlib.contextmanager
def _listening(family: int) -> Iterator[socket.socket]:
    """A socket that listens once it is bound inside, and is closed where that fails."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        yield sock
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise


def _remove_dead_socket(path: Path) -> None:
    """A socket that nobody listens on is left from a daemon that was killed; a living one is kept, and reported."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
