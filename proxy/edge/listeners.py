"""Opens and closes the listening sockets, and knows by which names they may be called.

What must not live here: requests.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterable
from pathlib import Path

from proxy.edge.server import EdgeServer
from proxy.policy.guard import LOOPBACK_NAMES, Guard, allowed_hosts

__all__ = ["Listeners"]

_BACKLOG = 1024
_SOCKET_MODE = 0o600


class Listeners:
    """The sockets of one server. `addresses` are URLs, or `unix:/path`."""

    def __init__(self, server: EdgeServer, loop: asyncio.AbstractEventLoop) -> None:
        self.addresses: list[str] = []
        self._server = server
        self._loop = loop
        self._listening: list[asyncio.AbstractServer] = []
        self._paths: list[Path] = []
        self._names: set[str] = set(LOOPBACK_NAMES)
        self._ports: set[int] = set()

    async def open(self, addresses: Iterable[str]) -> None:
        """Raises OSError when one cannot be listened on; then none is."""
        try:
            for address in addresses:
                if address.startswith("unix:"):
                    await self._open_unix(Path(address.removeprefix("unix:")))
                else:
                    await self._open_tcp(address)
        except BaseException:
            self.close()
            raise

    def guards(self, hosts: Iterable[str], origins: Iterable[str]) -> tuple[Guard, Guard]:
        """For TCP, and for Unix sockets, which have no port."""
        names = [*self._names, *hosts]
        origins = list(origins)
        bare = frozenset(name.lower().encode() for name in names)
        return (
            Guard(allowed_hosts(names, self._ports), origins),
            Guard(allowed_hosts(names, ()) | bare, origins, any_port=True),
        )

    def close(self) -> None:
        """Stop accepting; connections stay."""
        for listening in self._listening:
            listening.close()
        self._listening.clear()
        for path in self._paths:
            path.unlink(missing_ok=True)
        self._paths.clear()

    async def _open_tcp(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        name = host.strip("[]")
        listening = await self._loop.create_server(self._server, name, int(port), backlog=_BACKLOG, reuse_address=True)
        self._listening.append(listening)
        actual = listening.sockets[0].getsockname()[1]
        written = f"[{name}]" if ":" in name else name
        self._names.add(written)
        self._ports.add(actual)
        self.addresses.append(f"http://{written}:{actual}")

    async def _open_unix(self, path: Path) -> None:
        _remove_dead_socket(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # The mode must hold from the first moment on, so the socket is made under a mask.
            mask = os.umask(0o777 & ~_SOCKET_MODE)
            try:
                sock.bind(str(path))
            finally:
                os.umask(mask)
            listening = await self._loop.create_unix_server(self._server, sock=sock, backlog=_BACKLOG)
        except BaseException:
            sock.close()
            raise
        self._listening.append(listening)
        self._paths.append(path)
        self.addresses.append(f"unix:{path}")


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
