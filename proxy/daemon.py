"""The daemon: puts the parts together, starts them, replaces their configuration, and ends them without losing what is
under way.

What must not live here: the command line (`proxy.cli.run`), how a configuration is replaced (`proxy.lifecycle`), how a
chain of stages is built (`proxy.pipeline`), anything that a single request does.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Coroutine, Mapping
from socket import socket
from typing import Any, TypeVar

from proxy import __version__
from proxy.admin import AdminApi, Health
from proxy.admin.lifecycle import lifecycle_routes
from proxy.admin.plane import admin_routes
from proxy.admin.subject import Subject
from proxy.auth import SecretReader, SecretUnavailable, open_secret
from proxy.clock import monotonic, wall
from proxy.config.load import LoadedConfig
from proxy.config.model import Config
from proxy.edge import Edge
from proxy.lifecycle.failure import StartFailed, listening
from proxy.lifecycle.notify import Notifier
from proxy.lifecycle.process import forbid_core_dumps, loop_factory
from proxy.lifecycle.reload import Outcome, Reloader
from proxy.lifecycle.running import Running
from proxy.lifecycle.stopping import Stopping, finished_before
from proxy.lifecycle.watch import FileWatch, whenever
from proxy.observe import LoopLag, Tallies, event
from proxy.observe.build import build_facts, has_compiled_parser
from proxy.observe.late import LateExposition
from proxy.observe.log import LOGGER
from proxy.observe.uncaught import log_uncaught
from proxy.pipeline import Pipeline

__all__ = ["DRAIN_LIMIT", "Daemon", "StartFailed", "forbid_core_dumps", "loop_factory"]

DRAIN_LIMIT = 30.0
"""Seconds that requests in flight are given when the daemon is told to stop, unless it is told otherwise."""

_ALLOW_PYTHON_PARSER = "OUTRIDER_ALLOW_PYTHON_PARSER"
_HURRIED_CLOSE = 1.0
_LOOK_EVERY = 0.05

T = TypeVar("T")


class Daemon:
    """`load` reads the configuration again, where there is a file. `handed` are sockets of the service manager, by the
    address that stands for each. `addresses` and `admin_addresses` are URLs (or `unix:/path`), known once started.
    """

    def __init__(
        self,
        loaded: LoadedConfig,
        environ: Mapping[str, str],
        load: Callable[[], LoadedConfig] | None = None,
        handed: Mapping[str, socket] | None = None,
    ) -> None:
        self.addresses: list[str] = []
        self.admin_addresses: list[str] = []
        self._environ = environ
        self._handed = handed
        self._log = logging.getLogger(LOGGER)
        self._tallies = Tallies(())
        self._tallies.configuration.loaded(wall())
        self._running = Running(loaded, environ, self._tallies, self._log)
        self._health = Health(self._running.unready)
        self._notifier = Notifier(environ)
        self._reloader = Reloader(
            load, self._running, self._replace, self._health, self._tallies, self._notifier, self._log
        )
        self._edge: Edge | None = None
        self._lag: LoopLag | None = None
        self._api: AdminApi | None = None
        self._token: SecretReader | None = None
        self._exposition: LateExposition | None = None
        self._stopping = Stopping()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def _config(self) -> Config:
        return self._running.config

    @property
    def _pipeline(self) -> Pipeline | None:
        return self._running.pipeline

    async def start(self) -> None:
        """Listen, obtain the credentials, then call it ready. Raises StartFailed, with nothing left behind."""
        if not has_compiled_parser() and self._environ.get(_ALLOW_PYTHON_PARSER) != "1":
            raise StartFailed(
                "aiohttp was installed without its compiled parser, and the other one is more forgiving than is safe; "
                f"reinstall aiohttp from a wheel, or set {_ALLOW_PYTHON_PARSER}=1"
            )
        for warning in self._running.loaded.warnings:
            event(self._log, logging.WARNING, "config.warning", str(warning))
        try:
            await self._compose()
        except BaseException:
            await self.close()
            raise
        self._health.phase = "ready"
        if self._exposition is not None:
            # Beside the requests that may come already, so that the first scrape does not hold them up.
            asyncio.get_running_loop().run_in_executor(None, self._exposition.load)
        summary = self._summary()
        event(
            self._log,
            logging.INFO,
            "daemon.started",
            f"outrider {__version__} listening on {summary}",
            addresses=self.addresses,
            admin_addresses=self.admin_addresses,
            upstreams=sorted(self._config.upstreams),
        )
        self._notifier.ready(summary)

    async def _compose(self) -> None:
        loop = asyncio.get_running_loop()
        self._lag = LoopLag(loop)
        self._lag.start()
        self._notifier.watch(loop)
        config = self._config
        pipeline = await self._running.begin()
        self._edge = Edge(config, self._tallies, self._log, self._handed)
        # The admin listener first: a start that waits for a credential can be watched.
        if config.admin_addresses:
            bound = await listening(self._edge.prepare_admin(config))
            await self._edge.adopt_admin(config, await self._service(config), bound)
            self.admin_addresses = self._edge.admin_addresses
        await self._running.obtain_credentials()
        proxy = await listening(self._edge.prepare(config))
        await self._edge.adopt(config, pipeline, proxy)
        self.addresses = self._edge.addresses

    async def _service(self, config: Config) -> AdminApi:
        """The admin plane, from now on with the token of `config`."""
        if self._api is None:
            self._api = self._admin_api()
        token = None
        if config.admin.token is not None:
            token = open_secret(config.admin.token, self._running.loaded.base, self._environ, monotonic)
            try:
                await token.read()
            except SecretUnavailable as error:
                event(self._log, logging.ERROR, "admin.token.unavailable", f"no admin token: {error.detail}")
        old, self._token = self._token, token
        self._api.token = token.read if token is not None else None
        if old is not None:
            await old.close()
        return self._api

    def _admin_api(self) -> AdminApi:
        assert self._lag is not None
        build = build_facts()
        facts = {
            "version": build["outrider"],
            "python": build["python"],
            "aiohttp": build["aiohttp"],
            "loop": type(asyncio.get_running_loop()).__module__.partition(".")[0],
        }
        self._exposition = LateExposition(self._tallies, self._lag, facts)
        subject = Subject(
            self._health,
            self._exposition,
            self._tallies,
            config=lambda: self._config,
            pipeline=lambda: self._pipeline,
            visits=lambda: [] if self._edge is None else self._edge.visits(),
            addresses=lambda: self.addresses,
            facts=facts,
            clock=asyncio.get_running_loop().time,
        )
        lifecycle = lifecycle_routes(self.reload, self._stopping.ask, lambda: self._running.in_flight)
        return AdminApi(admin_routes(subject, lifecycle))

    def _summary(self) -> str:
        upstreams = ", ".join(
            f"{name} {upstream.url} (auth: {self._auth_type(upstream.auth)})"
            for name, upstream in self._config.upstreams.items()
        )
        admin = ", ".join(self.admin_addresses) or "off"
        return f"{', '.join(self.addresses)} → {upstreams}, admin {admin}"

    def _auth_type(self, profile: str) -> str:
        return self._config.auth[profile].type if profile in self._config.auth else "none"

    @property
    def reasons(self) -> list[str]:
        """Why requests should go elsewhere; empty when ready."""
        return self._health.reasons

    async def ready(self) -> None:
        """Wait until it is."""
        while self.reasons:  # noqa: ASYNC110 - a state that is asked for and has no end of its own
            await asyncio.sleep(_LOOK_EVERY)

    async def reload(self) -> Outcome:
        """Read the file again and put it in force, or change nothing and say why.

        It goes on when whoever asked for it leaves: half of it must not stay.
        """
        return await asyncio.shield(self._begin(self._reloader.reload))

    async def _replace(self, loaded: LoadedConfig) -> None:
        assert self._edge is not None
        await self._running.replace(loaded, self._edge, self._service)
        self.addresses, self.admin_addresses = self._edge.addresses, self._edge.admin_addresses

    async def drain(self, limit: float = DRAIN_LIMIT, least: float = 0.0) -> bool:
        """Call it not ready, stop taking requests after `least` seconds, and let those in flight end.

        False when some had not ended after `limit` seconds.
        """
        self._health.phase = "draining"
        if self._edge is None:
            return True
        in_flight = self._running.in_flight
        message = f"draining: {in_flight} requests in flight, waiting at most {limit:g} s"
        self._notifier.stopping(message)
        self._edge.lame_duck()
        event(self._log, logging.INFO, "daemon.draining", message, in_flight=in_flight)
        if least:
            await asyncio.sleep(min(least, limit))
        self._edge.stop_accepting()
        return await self._edge.drained(max(limit - least, 0.0))

    async def close(self) -> None:
        """End everything, requests in flight included. Repeats do nothing."""
        self._notifier.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._lag is not None:
            self._lag.stop()
        edge, self._edge = self._edge, None
        if edge is not None:
            await edge.close()
        await self._running.close()
        token, self._token = self._token, None
        if token is not None:
            await token.close()

    def _begin(self, what: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(what())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def run_until_signalled(
        self, limit: float = DRAIN_LIMIT, least: float = 0.0, watch: FileWatch | None = None
    ) -> int:
        """Start, serve until TERM or INT, drain, close. The exit code: 0 drained, 1 when requests were cut.

        HUP reloads; so does a change that `watch` notices.
        """
        loop = asyncio.get_running_loop()
        log_uncaught(loop)
        self._stopping.heed_signals(loop)
        hung_up = asyncio.Event()
        loop.add_signal_handler(signal.SIGHUP, hung_up.set)
        starting = asyncio.create_task(self.start())
        if not await finished_before(starting, self._stopping.asked):
            return 0
        self._begin(lambda: whenever(hung_up, self.reload))
        if watch is not None:
            self._begin(lambda: watch.run(self.reload))
        await self._stopping.asked.wait()
        draining = asyncio.create_task(self.drain(limit, least))
        if not await finished_before(draining, self._stopping.hurried):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.close(), _HURRIED_CLOSE)
            event(self._log, logging.WARNING, "daemon.stopped", "stopped at once by a second signal")
            return 1
        complete = draining.result()
        self._say_stopped(complete=complete)
        await self.close()
        return 0 if complete else 1

    def _say_stopped(self, *, complete: bool) -> None:
        if complete:
            event(self._log, logging.INFO, "daemon.stopped", "stopped; every request had ended")
        else:
            cut = self._running.in_flight
            event(self._log, logging.WARNING, "daemon.stopped", f"stopped; {cut} requests were cut off", in_flight=cut)
