"""One side of the daemon: a server, its listeners, and whose configuration is in force there.

What must not live here: what the two sides do differently (`edge`), requests.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from socket import socket
from typing import Protocol

from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader

from proxy.config.model import Config
from proxy.edge.caller import CallerConnection
from proxy.edge.listeners import Listeners
from proxy.edge.server import EdgeServer
from proxy.edge.sockets import Bound
from proxy.errors import OutriderError
from proxy.policy.guard import Guard

__all__ = ["FAREWELL", "Front", "Handler"]

FAREWELL = 1.0
"""Seconds for which kept-alive callers that are between requests may still be told of the end."""


class Handler(Protocol):
    """What answers the requests of one configuration."""

    server: EdgeServer
    guard: Guard
    socket_guard: Guard

    async def __call__(self, connection: CallerConnection, message: RawRequestMessage, payload: StreamReader) -> bool:
        """A `Handle`."""


class Front:
    """`count_refusal` is told of answers that come before there is a request."""

    def __init__(
        self,
        config: Config,
        loop: asyncio.AbstractEventLoop,
        count_refusal: Callable[[OutriderError], None],
        handed: Mapping[str, socket],
    ) -> None:
        self.server = EdgeServer(_nobody, config.limits, loop, count_refusal)
        self.listeners = Listeners(self.server, loop, handed)
        self._farewell: asyncio.Task[None] | None = None

    async def adopt(
        self,
        handler: Handler,
        config: Config,
        bound: Sequence[Bound],
        *,
        hosts: Sequence[str],
        origins: Sequence[str],
        uids: frozenset[int] | None = None,
    ) -> None:
        """From now on `handler` answers, on these addresses alone. Callers of others learn that their connection ends.

        The first request after this returns, on whatever connection, is answered by the new handler.
        """
        listeners = self.listeners
        leaving = listeners.leaving(bound)
        handler.server = self.server
        # Who is still connected by an address of before calls by its name.
        handler.guard, handler.socket_guard = listeners.guards(hosts, origins, (*bound, *leaving))
        self.server.adopt(config.limits, uids)
        self.server.handle = handler
        await listeners.adopt(bound)
        if leaving and self.server.make_lame(lambda name: any(gone.has(name) for gone in leaving)):
            self._farewell = asyncio.create_task(self._say_farewell(handler, hosts, origins))

    async def _say_farewell(self, handler: Handler, hosts: Sequence[str], origins: Sequence[str]) -> None:
        await asyncio.sleep(FAREWELL)
        while self.server.close_idle(lame=True):  # noqa: ASYNC110 - each ends by itself, and nobody is in a hurry
            await asyncio.sleep(FAREWELL)
        handler.guard, handler.socket_guard = self.listeners.guards(hosts, origins)

    async def close(self) -> None:
        self.listeners.close()
        if self._farewell is not None:
            self._farewell.cancel()
        self.server.close_idle()


async def _nobody(*_: object) -> bool:
    """Nothing is served before a configuration is in force."""
    return False
