"""The edge as the daemon sees it: start, say goodbye, stop.

What must not live here: requests.
"""

import asyncio
import logging

from proxy.config.model import Config
from proxy.edge.handler import ProxyHandler
from proxy.edge.listeners import Listeners
from proxy.edge.local import LocalHandler, LocalService
from proxy.edge.server import EdgeServer
from proxy.edge.visit import Visit
from proxy.errors import OutriderError
from proxy.observe.tally import Tallies
from proxy.pipeline import Pipeline

__all__ = ["Edge"]

_FAREWELL = 1.0
"""Seconds for which kept-alive callers that are between requests may still be told of the end."""


class Edge:
    """The proxy listeners and the admin listeners of one daemon."""

    def __init__(self, config: Config, pipeline: Pipeline, tallies: Tallies, log: logging.Logger) -> None:
        self._config = config
        self._pipeline = pipeline
        self._tallies = tallies
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._proxy: Listeners | None = None
        self._admin: Listeners | None = None
        self._servers: list[EdgeServer] = []
        self._proxy_server: EdgeServer | None = None

    @property
    def in_flight(self) -> int:
        return self._pipeline.admission.in_flight

    def visits(self) -> list[Visit]:
        """The proxied requests in flight, oldest first."""
        connections = () if self._proxy_server is None else self._proxy_server.callers
        found = [visit for connection in connections if (visit := connection.visit) is not None]
        return sorted((visit for visit in found if visit.exchange is not None), key=lambda visit: visit.started)

    async def start(self) -> list[str]:
        """Open the proxy listeners; answers with their addresses. Raises OSError."""
        config = self._config
        handler = ProxyHandler(config, self._pipeline, self._log, self._loop)
        uids = None if config.access.uids is None else frozenset(config.access.uids)
        handler.server = self._proxy_server = self._server(handler, uids)
        self._proxy = await self._listen(handler, config.listen_addresses, list(self._route_hosts()))
        return self._proxy.addresses

    async def start_admin(self, service: LocalService) -> list[str]:
        """Open the admin listeners; answers with their addresses. Raises OSError."""
        handler = LocalHandler(service, self._log, self._loop)
        handler.server = self._server(handler)
        self._admin = await self._listen(handler, self._config.admin_addresses, [])
        return self._admin.addresses

    def _route_hosts(self) -> list[str]:
        return [host.decode() for host in self._pipeline.routes.hosts]

    def _server(self, handler: ProxyHandler | LocalHandler, uids: frozenset[int] | None = None) -> EdgeServer:
        server = EdgeServer(handler, self._config.limits, self._loop, self._count_refusal, uids)
        self._servers.append(server)
        return server

    async def _listen(self, handler: ProxyHandler | LocalHandler, addresses: list[str], hosts: list[str]) -> Listeners:
        listeners = Listeners(handler.server, self._loop)
        access = self._config.access
        handler.guard, handler.socket_guard = listeners.guards((), ())
        await listeners.open(addresses)
        handler.guard, handler.socket_guard = listeners.guards([*access.hosts, *hosts], access.origins)
        return listeners

    def _count_refusal(self, error: OutriderError) -> None:
        tally = self._tallies.none
        tally.error(error.code)
        tally.begin()
        tally.end("OTHER", error.status, 0.0, 0, 0)

    def lame_duck(self) -> None:
        """Stop accepting, and tell every caller with its next answer that the connection ends."""
        if self._proxy_server is not None:
            self._proxy_server.lame = True
        if self._proxy is not None:
            self._proxy.close()

    async def drained(self, limit: float) -> bool:
        """Wait, at most `limit` seconds, until every answer has reached its caller; whether that was so.

        A kept-alive caller learns of the end from the answer to its next request, so those between requests are left
        open for a moment before they are closed.
        """
        if self._proxy_server is None:
            return True
        end = self._loop.time() + limit
        if await self._proxy_server.emptied(min(_FAREWELL, limit)):
            return True
        while (left := end - self._loop.time()) > 0:
            self._proxy_server.close_idle()
            if await self._proxy_server.emptied(min(_FAREWELL, left)):
                return True
        return False

    async def close(self) -> None:
        for listeners in (self._proxy, self._admin):
            if listeners is not None:
                listeners.close()
        for server in self._servers:
            server.close_idle()
            if server is self._proxy_server:
                server.abort_all()
            await server.shutdown(0.5)
