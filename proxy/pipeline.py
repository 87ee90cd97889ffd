"""The composition root: turns a configuration into the chains of stages that requests go through.

A chain is built once per route. What must not live here: anything a single request does; which stages there are, and
their order (`proxy.chain`).
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from proxy.auth.build import build_source
from proxy.auth.homes import homes
from proxy.auth.means import Means
from proxy.auth.open_store import open_store
from proxy.auth.secret_reader import SecretReader, open_secret
from proxy.auth.session import SessionSource
from proxy.auth.source import CredentialSource
from proxy.auth.store_poll import StorePoll
from proxy.chain import Context, build_chain
from proxy.clock import CoarseTimer, monotonic
from proxy.config.auth_model import SecretRef
from proxy.config.model import Config, Upstream
from proxy.errors import CredentialUnavailable, SessionExpired
from proxy.message import Stage
from proxy.observe.request_log import open_request_log
from proxy.observe.tally import Tallies, UpstreamTally
from proxy.policy.routing import RouteEntry, RoutingTable
from proxy.stages.admission import Admission
from proxy.upstream.dial import Dialer
from proxy.upstream.fetch import Fetcher
from proxy.upstream.guarded_fetch import GuardedFetch
from proxy.upstream.pool import ConnectionPool
from proxy.upstream.tls import tls_context

__all__ = ["Chain", "Pipeline"]

_TICK = 0.05
"""Seconds by which an upstream's deadline may be late."""


class Chain:
    """What the edge needs of a route: its outermost stage, where it is counted, and the total limit in seconds."""

    __slots__ = ("entry", "stage", "tally", "total")

    def __init__(self, entry: RouteEntry, stage: Stage, tally: UpstreamTally, total: float) -> None:
        self.entry = entry
        self.stage = stage
        self.tally = tally
        self.total = total


class Pipeline:
    """All chains of one configuration, and what they share: pools, credential sources, the timer.

    Raises OSError (ssl.SSLError included) when a TLS file cannot be used.
    """

    def __init__(
        self,
        config: Config,
        base: Path,
        environ: Mapping[str, str],
        tallies: Tallies,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.routes = RoutingTable(config)
        self._base = base
        self._environ = environ
        self.admission = Admission(config.limits.in_flight)
        self.tallies = tallies
        self._loop = loop
        self._timer = CoarseTimer(loop, _TICK)
        self._fetcher = Fetcher(self._timer, loop)
        self._store = open_store(config.state, base, environ)
        guarded = GuardedFetch(self._fetcher, monotonic)
        means = Means(
            base,
            environ,
            guarded,
            self._store,
            tallies.sessions,
            secured=lambda tls: guarded.around(self._fetcher.over(tls, base)),
            homes=homes(config),
        )
        self.sources: dict[str, CredentialSource] = {
            name: source
            for name, profile in config.auth.items()
            if (source := build_source(name, profile, means)) is not None
        }
        shared = self.sources.values() if config.state.dir else ()
        self._store_poll = StorePoll(loop, [source for source in shared if isinstance(source, SessionSource)])
        self._pools = {name: self._pool(upstream, base) for name, upstream in config.upstreams.items()}
        urls = {name: upstream.url for name, upstream in config.upstreams.items()}
        self.request_log = open_request_log(config.log, urls, loop)
        timed = self.request_log is not None
        self._context = Context(
            loop,
            tallies,
            self._pools,
            self.sources,
            base,
            config.auth,
            config.interceptors,
            timed=timed,
            wire=config.log.wire,
        )
        self.chains = [self._chain(entry) for entry in self.routes.routes]

    def open_secret(self, ref: SecretRef) -> SecretReader:
        """A reader for a secret of the configuration."""
        return open_secret(ref, self._base, self._environ, monotonic)

    def _pool(self, upstream: Upstream, base: Path) -> ConnectionPool:
        context = tls_context(upstream.tls, base) if upstream.url.startswith("https:") else None
        dialer = Dialer(upstream.url, context, upstream.tls.server_name, self._timer, self._loop)
        return ConnectionPool(dialer, upstream.pool.connections, upstream.pool.idle, self._loop)

    def _chain(self, entry: RouteEntry) -> Chain:
        return Chain(entry, build_chain(entry, self._context), self.tallies[entry.upstream.name], entry.timeout.total)

    async def start(self) -> dict[str, str]:
        """Obtain every credential once. Answers with what is wrong, by profile; requests will say the same."""
        problems: dict[str, str] = {}
        self._store_poll.start()

        async def obtain(name: str, source: CredentialSource) -> None:
            try:
                await source.start()
            except (CredentialUnavailable, SessionExpired) as error:
                problems[name] = error.detail

        await asyncio.gather(*(obtain(name, source) for name, source in self.sources.items()))
        return problems

    def unusable(self) -> dict[str, str]:
        """Profiles whose session cannot serve a request now, and why."""
        return {name: why for name, source in self.sources.items() if (why := source.unusable) is not None}

    async def close(self) -> None:
        self._store_poll.close()
        # Together: each may wait for an exchange that had better not be cut off.
        await asyncio.gather(*(source.close() for source in self.sources.values()))
        await self._store.close()
        await self._fetcher.close()
        for pool in self._pools.values():
            await pool.close()
        self._timer.close()
