"""The listening sockets of one server, which may change while it serves, and the names by which they may be called.

What must not live here: requests; how a socket is bound (`sockets`).
"""

import asyncio
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from proxy.edge.server import EdgeServer
from proxy.edge.sockets import BACKLOG, Bound, bind
from proxy.policy.guard import LOOPBACK_NAMES, Guard, allowed_hosts

__all__ = ["Listeners"]


class Listeners:
    """`handed` are sockets that the service manager opened, by the address that stands for each."""

    def __init__(
        self, server: EdgeServer, loop: asyncio.AbstractEventLoop, handed: Mapping[str, socket.socket] | None = None
    ) -> None:
        self._server = server
        self._loop = loop
        self._handed = handed or {}
        self._open: list[Bound] = []
        self._serving: dict[Bound, list[asyncio.AbstractServer]] = {}
        # Newer versions of asyncio's own loop remove a socket's file by themselves, and so one that is not ours.
        own = sys.version_info >= (3, 13) and isinstance(loop, asyncio.SelectorEventLoop)
        self._keeping: dict[str, Any] = {"cleanup_socket": False} if own else {}

    @property
    def addresses(self) -> list[str]:
        """URLs, or `unix:/path`."""
        return [bound.url for bound in self._open]

    @property
    def configured(self) -> list[str]:
        """The same as the configuration writes them, free ports by what they turned out to be."""
        return [address.removeprefix("http://") for address in self.addresses]

    async def prepare(self, addresses: Iterable[str]) -> list[Bound]:
        """What `adopt` is to be given for these addresses: those that are open already, and the others bound.

        Raises OSError when one cannot be listened on, which is its `filename`; then none is new.
        """
        prepared: list[Bound] = []
        try:
            for address in addresses:
                there = next((one for one in self._open if one.address == address and one not in prepared), None)
                prepared.append(there or await self._bound(address))
        except BaseException:
            self.abandon(prepared)
            raise
        return prepared

    async def _bound(self, address: str) -> Bound:
        try:
            return await bind(address, self._loop, self._handed.get(address))
        except OSError as error:
            error.filename = address
            raise

    def abandon(self, prepared: Sequence[Bound]) -> None:
        """They are not adopted after all."""
        for bound in prepared:
            if bound not in self._open and bound.address not in self._handed:
                bound.close()

    def leaving(self, prepared: Sequence[Bound]) -> list[Bound]:
        """Those that are open and would not be after `adopt`."""
        return [bound for bound in self._open if bound not in prepared]

    async def adopt(self, prepared: Sequence[Bound]) -> None:
        """Serve on these and on no others; the connections of others stay."""
        for bound in prepared:
            if bound not in self._serving:
                self._serving[bound] = [await self._serve(bound, sock) for sock in bound.sockets]
        gone = self.leaving(prepared)
        self._open = list(prepared)
        if gone:
            # Whoever has connected by now is accepted before the door closes.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        for bound in gone:
            self._close(bound)

    def guards(
        self, hosts: Iterable[str], origins: Iterable[str], addresses: Iterable[Bound] | None = None
    ) -> tuple[Guard, Guard]:
        """For TCP, and for Unix sockets, which have no port. `addresses` are those of what is open when left out."""
        known = [bound for bound in (self._open if addresses is None else addresses) if bound.name]
        names = [*LOOPBACK_NAMES, *(bound.name for bound in known), *hosts]
        origins = list(origins)
        bare = frozenset(name.lower().encode() for name in names)
        return (
            Guard(allowed_hosts(names, {bound.port for bound in known}), origins),
            Guard(allowed_hosts(names, ()) | bare, origins, any_port=True),
        )

    def close(self) -> None:
        """Stop accepting; connections stay."""
        for bound in self._open:
            self._close(bound)
        self._open.clear()

    async def _serve(self, bound: Bound, sock: socket.socket) -> asyncio.AbstractServer:
        # A copy: the loop closes what it was given, while the original still tells its name.
        copy = sock.dup()
        try:
            if bound.name:
                return await self._loop.create_server(self._server, sock=copy, backlog=BACKLOG)
            return await self._loop.create_unix_server(self._server, sock=copy, backlog=BACKLOG, **self._keeping)
        except BaseException:
            copy.close()
            raise

    def _close(self, bound: Bound) -> None:
        for serving in self._serving.pop(bound, ()):
            serving.close()
        if bound.address in self._handed:
            return
        bound.close()
