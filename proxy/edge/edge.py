"""The edge as the daemon sees it: start, take another configuration, say goodbye, stop.

What must not live here: requests.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from socket import socket

from proxy.config.model import Config
from proxy.edge.front import FAREWELL, Front
from proxy.edge.handler import ProxyHandler
from proxy.edge.local import LocalHandler, LocalService
from proxy.edge.sockets import Bound
from proxy.edge.visit import Visit
from proxy.errors import OutriderError, SessionTerminated
from proxy.observe.request_log import RequestLog
from proxy.observe.tally import Tallies
from proxy.pipeline import Pipeline

__all__ = ["Edge"]


class Edge:
    """The proxy listeners and the admin listeners of one daemon. `handed` are sockets of the service manager."""

    def __init__(
        self, config: Config, tallies: Tallies, log: logging.Logger, handed: Mapping[str, socket] | None = None
    ) -> None:
        self._tallies = tallies
        self._log = log
        self._request_log: RequestLog | None = None
        self._loop = asyncio.get_running_loop()
        tallies.sessions.on_end = self._end_session
        self._proxy = Front(config, self._loop, self._count_refusal, handed or {})
        self._admin = Front(config, self._loop, self._count_refusal, handed or {})

    @property
    def addresses(self) -> list[str]:
        return self._proxy.listeners.addresses

    @property
    def admin_addresses(self) -> list[str]:
        return self._admin.listeners.addresses

    @property
    def listens_on(self) -> list[str]:
        """All addresses, as the configuration writes them."""
        return [*self._proxy.listeners.configured, *self._admin.listeners.configured]

    def visits(self) -> list[Visit]:
        """The proxied requests in flight, oldest first."""
        found = [visit for connection in self._proxy.server.callers if (visit := connection.visit) is not None]
        return sorted((visit for visit in found if visit.exchange is not None), key=lambda visit: visit.started)

    def _end_session(self, profile: str) -> None:
        """Its session was ended, by whomever; so are the requests that use it, wherever they are."""
        for visit in self.visits():
            if visit.uses(profile):
                visit.connection.end_request(
                    visit, SessionTerminated("The session was ended while this request was pending.")
                )

    async def prepare(self, config: Config) -> list[Bound]:
        """Bind the proxy listeners of `config` that are not open yet; adopted or abandoned later. Raises OSError."""
        return await self._proxy.listeners.prepare(config.listen_addresses)

    async def prepare_admin(self, config: Config) -> list[Bound]:
        return await self._admin.listeners.prepare(config.admin_addresses)

    def abandon(self, proxy: Sequence[Bound], admin: Sequence[Bound]) -> None:
        """They were prepared, and nothing comes of it."""
        self._proxy.listeners.abandon(proxy)
        self._admin.listeners.abandon(admin)

    async def adopt(self, config: Config, pipeline: Pipeline, bound: Sequence[Bound]) -> None:
        """Serve callers by this configuration from now on; requests in flight keep theirs."""
        self._request_log = pipeline.request_log
        access = config.access
        await self._proxy.adopt(
            ProxyHandler(config, pipeline, self._log),
            config,
            bound,
            hosts=[*access.hosts, *(host.decode() for host in pipeline.routes.hosts)],
            origins=access.origins,
            uids=None if access.uids is None else frozenset(access.uids),
        )

    async def adopt_admin(self, config: Config, service: LocalService, bound: Sequence[Bound]) -> None:
        """The same for the admin listeners."""
        handler = LocalHandler(service, self._log)
        access = config.access
        await self._admin.adopt(handler, config, bound, hosts=access.hosts, origins=access.origins)

    def _count_refusal(self, error: OutriderError) -> None:
        tally = self._tallies.none
        tally.error(error.code)
        tally.begin()
        tally.end("OTHER", error.status, 0.0, 0, 0)
        if self._request_log is not None:
            self._request_log.refused(error)

    @property
    def is_leaving(self) -> bool:
        return self._proxy.server.lame

    def lame_duck(self) -> None:
        """Tell every caller with its next answer that the connection ends."""
        self._proxy.server.lame = True

    def stop_accepting(self) -> None:
        """Callers who connect are refused, or met by whoever listens on the same sockets."""
        self._proxy.listeners.close()

    async def drained(self, limit: float) -> bool:
        """Wait, at most `limit` seconds, until every answer has reached its caller; whether that was so.

        A kept-alive caller learns of the end from the answer to its next request, so those between requests are left
        open for a moment before they are closed.
        """
        server = self._proxy.server
        end = self._loop.time() + limit
        if await server.emptied(min(FAREWELL, limit)):
            return True
        while (left := end - self._loop.time()) > 0:
            server.close_idle()
            if await server.emptied(min(FAREWELL, left)):
                return True
        return False

    async def close(self) -> None:
        for front in (self._proxy, self._admin):
            await front.close()
        self._proxy.server.abort_all()
        for front in (self._proxy, self._admin):
            await front.server.shutdown(0.5)
