"""The composition root: turns a configuration into the chains of stages that requests go through.

A chain is built once per route. What must not live here: anything a single request does; which stages there are, and
their order (`proxy.chain`).
"""

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from proxy.auth.build import build_source
from proxy.auth.homes import homes
from proxy.auth.means import Means
from proxy.auth.moving_store import MovingStore
from proxy.auth.open_store import open_store
from proxy.auth.secret_reader import SecretReader, open_secret
from proxy.auth.session import SessionSource
from proxy.auth.source import CredentialSource
from proxy.auth.store_poll import StorePoll
from proxy.chain import Context, Holdings, build_chain
from proxy.chain.intercept import Links
from proxy.chain.tracing import open_tracer
from proxy.clock import CoarseTimer, monotonic
from proxy.config.auth_model import SecretRef
from proxy.config.model import Config, Tls, Upstream
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
from proxy.upstream.tls import file_stamp, tls_context

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
        holdings: Holdings | None = None,
    ) -> None:
        """`holdings` are what an earlier pipeline has and this one may take over."""
        self.routes = RoutingTable(config)
        self._base = base
        self._environ = environ
        self.admission = Admission(config.limits.in_flight)
        self.tallies = tallies
        self._loop = loop
        self._kept = (holdings or Holdings()).generation()
        states = tallies.sessions.states()
        try:
            self._build(config)
        except BaseException:
            # Whatever the sources that were made have said of themselves: those of before go on.
            tallies.sessions.restore(states)
            self._kept.release()
            raise

    def _build(self, config: Config) -> None:
        loop = self._loop
        self._timer = self._kept.take("timer", "", None, lambda: CoarseTimer(loop, _TICK))
        self._fetcher = self._kept.take("fetcher", "", None, lambda: Fetcher(self._timer, loop))
        self._pools = {name: self._pool(name, upstream) for name, upstream in config.upstreams.items()}
        self._place = (config.state, self._base), partial(open_store, config.state, self._base, self._environ)
        self._store = self._kept.take("store", "", None, lambda: MovingStore(self._place[0], self._place[1]()))
        self.sources: dict[str, CredentialSource] = dict(self._sources(config))
        self.awaited: set[str] = set()
        shared = self.sources.values() if config.state.dir else ()
        self._store_poll = StorePoll(loop, [source for source in shared if isinstance(source, SessionSource)])
        urls = {name: upstream.url for name, upstream in config.upstreams.items()}
        self.request_log = open_request_log(config.log, urls, loop)
        traced = config.tracing, self._base
        self._tracer = self._kept.take("tracer", "", traced, lambda: open_tracer(traced[0], self.open_secret, loop))
        self._context = Context(
            loop, self.tallies, self._pools, self.sources, self._base, config.auth, config.interceptors, self._kept,
            timed=self.request_log is not None, wire=config.log.wire, tracer=self._tracer,
        )  # fmt: skip
        self.chains = [self._chain(entry) for entry in self.routes.routes]
        self.tallies.sessions.on_refresh = None if self._tracer is None else self._tracer.refreshed

    def _sources(self, config: Config) -> Iterator[tuple[str, CredentialSource]]:
        fetcher, base = self._fetcher, self._base
        guarded = self._kept.take("guarded fetch", "", None, lambda: GuardedFetch(fetcher, monotonic))
        means = Means(
            base,
            self._environ,
            guarded,
            self._store,
            self.tallies.sessions,
            secured=lambda tls: guarded.around(fetcher.over(tls, base)),
            homes=homes(config),
        )
        for name, profile in config.auth.items():
            home = means.homes.get(name)
            files = self._stamps(getattr(profile, "tls", None)), self._stamps(home.tls if home is not None else None)
            basis = (profile, home, base, files)
            source = self._kept.take("source", name, basis, partial(build_source, name, profile, means))
            if source is not None:
                yield name, source

    def open_secret(self, ref: SecretRef) -> SecretReader:
        """A reader for a secret of the configuration."""
        return open_secret(ref, self._base, self._environ, monotonic)

    def _pool(self, name: str, upstream: Upstream) -> ConnectionPool:
        tls = upstream.tls
        tls_basis = tls, self._base, self._stamps(tls)

        def make() -> ConnectionPool:
            context = None
            if upstream.url.startswith("https:"):
                # One for all upstreams with these options: to read the system's authorities takes 20 ms and more.
                context = self._kept.take("tls", "", tls_basis, partial(tls_context, tls, self._base))
            dialer = Dialer(upstream.url, context, tls.server_name, self._timer, self._loop)
            return ConnectionPool(dialer, upstream.pool.connections, upstream.pool.idle, self._loop)

        basis = (upstream.url, upstream.pool, tls_basis)
        return self._kept.take("pool", name, basis, make)

    def _stamps(self, tls: Tls | None) -> list[object]:
        """Tells whether the files that `tls` names have changed."""
        files = () if tls is None else (tls.ca, tls.cert, tls.key)
        return [file_stamp(self._base / path) for path in files if path]

    def _chain(self, entry: RouteEntry) -> Chain:
        return Chain(entry, build_chain(entry, self._context), self.tallies[entry.upstream.name], entry.timeout.total)

    async def keep_sessions(self) -> None:
        """From now on where this configuration says: those of an earlier one move along. Raises StoreFailed."""
        await self._store.move(*self._place, self.sources)

    async def start(self) -> dict[str, str]:
        """Obtain every credential once. Answers with what is wrong, by profile; requests will say the same."""
        problems: dict[str, str] = {}
        self.awaited.update(self.sources)
        self._store_poll.start()

        async def obtain(name: str, source: CredentialSource) -> None:
            try:
                await source.start()
            except (CredentialUnavailable, SessionExpired) as error:
                problems[name] = error.detail
            self.awaited.discard(name)

        await asyncio.gather(*(obtain(name, source) for name, source in self.sources.items()))
        return problems

    def unusable(self) -> dict[str, str]:
        """Profiles whose session cannot serve a request now, and why."""
        return {name: why for name, source in self.sources.items() if (why := source.unusable) is not None}

    async def close(self) -> None:
        """Close what no other pipeline has taken over. Repeats do nothing."""
        self._store_poll.close()
        released = self._kept.release()
        gone = {id(item) for item in released}
        # Together: each may wait for an exchange that had better not be cut off.
        await asyncio.gather(*(source.close() for source in self.sources.values() if id(source) in gone))
        await asyncio.gather(*(links.close() for links in released if isinstance(links, Links)))
        if id(self._store) in gone:
            await self._store.close()
        if id(self._fetcher) in gone:
            await self._fetcher.close()
        for pool in self._pools.values():
            if id(pool) in gone:
                await pool.close()
        if id(self._timer) in gone:
            self._timer.close()
        if self._tracer is not None and id(self._tracer) in gone:
            await self._tracer.close()
