"""The daemon: puts the parts together, starts them, and ends them without losing what is under way.

What must not live here: the command line (`proxy.cli.run`), how a chain of stages is built (`proxy.pipeline`), anything
that a single request does.
"""

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from proxy import __version__
from proxy.admin import AdminApi, Health
from proxy.admin.event_stream import event_routes
from proxy.admin.looks import look_routes
from proxy.admin.probes import probe_routes
from proxy.admin.requests import request_routes
from proxy.auth import SecretReader, SecretUnavailable, open_secret
from proxy.clock import monotonic, wall
from proxy.config.load import LoadedConfig
from proxy.config.model import Config
from proxy.config.redact import redacted
from proxy.edge import Edge
from proxy.edge.visit import Visit
from proxy.observe import LoopLag, Tallies, event
from proxy.observe.build import build_facts, has_compiled_parser
from proxy.observe.late import LateExposition
from proxy.observe.log import LOGGER
from proxy.pipeline import Pipeline

__all__ = ["DRAIN_LIMIT", "Daemon", "StartFailed", "forbid_core_dumps", "loop_factory"]

DRAIN_LIMIT = 30.0
"""Seconds that requests in flight are given when the daemon is told to stop, unless it is told otherwise."""

_ALLOW_PYTHON_PARSER = "OUTRIDER_ALLOW_PYTHON_PARSER"
_CREDENTIAL_RETRY = 5.0
_HURRIED_CLOSE = 1.0
_PR_SET_DUMPABLE = 4


class StartFailed(Exception):
    """The daemon cannot start. The message is one line for a user; `exit_code` is 78 for a wrong configuration."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Daemon:
    """One configuration, running. `addresses` and `admin_addresses` are URLs (or `unix:/path`), known once started."""

    def __init__(self, loaded: LoadedConfig, environ: Mapping[str, str]) -> None:
        self.addresses: list[str] = []
        self.admin_addresses: list[str] = []
        self._loaded = loaded
        self._config: Config = loaded.config
        self._environ = environ
        self._log = logging.getLogger(LOGGER)
        self._problems: dict[str, str] = {}
        self._health = Health(self._unready)
        self._pipeline: Pipeline | None = None
        self._edge: Edge | None = None
        self._lag: LoopLag | None = None
        self._token: SecretReader | None = None
        self._exposition: LateExposition | None = None
        self._recovery: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen, obtain the credentials, then call it ready. Raises StartFailed, with nothing left behind."""
        if not has_compiled_parser() and self._environ.get(_ALLOW_PYTHON_PARSER) != "1":
            raise StartFailed(
                "aiohttp was installed without its compiled parser, and the other one is more forgiving than is safe; "
                f"reinstall aiohttp from a wheel, or set {_ALLOW_PYTHON_PARSER}=1"
            )
        for warning in self._loaded.warnings:
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
        event(
            self._log,
            logging.INFO,
            "daemon.started",
            f"outrider {__version__} listening on {self._summary()}",
            addresses=self.addresses,
            admin_addresses=self.admin_addresses,
            upstreams=sorted(self._config.upstreams),
        )

    def _unready(self) -> list[str]:
        """What keeps requests from being served: credentials that were never there, sessions that cannot work."""
        unusable = self._pipeline.unusable() if self._pipeline is not None else {}
        return [f"profile {name}: {why}" for name, why in (self._problems | unusable).items()]

    async def _compose(self) -> None:
        loop = asyncio.get_running_loop()
        tallies = Tallies(self._config.upstreams)
        self._lag = LoopLag(loop)
        self._lag.start()
        try:
            self._pipeline = Pipeline(self._config, self._loaded.base, self._environ, tallies, loop)
        except OSError as error:
            file = f" {error.filename}" if error.filename else ""
            raise StartFailed(f"cannot use a TLS file{file}: {_reason(error)}", 78) from error
        self._edge = Edge(self._config, self._pipeline, tallies, self._log)
        # The admin listener first: a start that waits for a credential can be watched.
        if self._config.admin_addresses:
            api = await self._admin_api(tallies, self._lag)
            self.admin_addresses = await _listening(self._edge.start_admin(api), self._config.admin_addresses)
        await self._obtain_credentials(self._pipeline)
        self.addresses = await _listening(self._edge.start(), self._config.listen_addresses)

    async def _admin_api(self, tallies: Tallies, lag: LoopLag) -> AdminApi:
        build = build_facts()
        facts = {
            "version": build["outrider"],
            "python": build["python"],
            "aiohttp": build["aiohttp"],
            "loop": type(asyncio.get_running_loop()).__module__.partition(".")[0],
        }
        if self._config.admin.token is not None:
            self._token = open_secret(self._config.admin.token, self._loaded.base, self._environ, monotonic)
            try:
                await self._token.read()
            except SecretUnavailable as error:
                event(self._log, logging.ERROR, "admin.token.unavailable", f"no admin token: {error.detail}")
        exposition = LateExposition(tallies, lag, wall(), facts)
        self._exposition = exposition
        routes = [
            *probe_routes(self._health),
            *look_routes(exposition, lambda: redacted(self._config)),
            *event_routes(tallies.events),
            *request_routes(self._visits, asyncio.get_running_loop().time),
        ]
        return AdminApi(routes, self._token.read if self._token else None)

    def _visits(self) -> list[Visit]:
        return [] if self._edge is None else self._edge.visits()

    def _summary(self) -> str:
        upstreams = ", ".join(
            f"{name} {upstream.url} (auth: {self._auth_type(upstream.auth)})"
            for name, upstream in self._config.upstreams.items()
        )
        admin = ", ".join(self.admin_addresses) or "off"
        return f"{', '.join(self.addresses)} → {upstreams}, admin {admin}"

    def _auth_type(self, profile: str) -> str:
        return self._config.auth[profile].type if profile in self._config.auth else "none"

    async def _obtain_credentials(self, pipeline: Pipeline) -> None:
        self._problems = await pipeline.start()
        for name, why in self._problems.items():
            event(self._log, logging.ERROR, "credential.unavailable", f"no credential for {name}: {why}", profile=name)
        if self._problems:
            self._recovery = asyncio.create_task(self._recover(pipeline))

    async def _recover(self, pipeline: Pipeline) -> None:
        """Try again while a profile has no credential: nobody sends requests to a daemon that is not ready."""
        while self._problems:
            await asyncio.sleep(_CREDENTIAL_RETRY)
            before, self._problems = self._problems, await pipeline.start()
            for name in before.keys() - self._problems.keys():
                event(self._log, logging.INFO, "credential.obtained", f"credential for {name} is there", profile=name)

    async def drain(self, limit: float = DRAIN_LIMIT) -> bool:
        """Stop taking requests and let those in flight end; False when some had not after `limit` seconds."""
        self._health.phase = "draining"
        if self._edge is None:
            return True
        self._edge.lame_duck()
        event(
            self._log,
            logging.INFO,
            "daemon.draining",
            f"draining: {self._edge.in_flight} requests in flight, waiting at most {limit:g} s",
            in_flight=self._edge.in_flight,
        )
        return await self._edge.drained(limit)

    async def close(self) -> None:
        """End everything, requests in flight included. Repeats do nothing."""
        recovery, self._recovery = self._recovery, None
        if recovery is not None:
            recovery.cancel()
            await asyncio.wait((recovery,))
        if self._lag is not None:
            self._lag.stop()
        edge, self._edge = self._edge, None
        if edge is not None:
            await edge.close()
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            await pipeline.close()
        token, self._token = self._token, None
        if token is not None:
            await token.close()

    async def run_until_signalled(self, limit: float = DRAIN_LIMIT) -> int:
        """Start, serve until TERM or INT, drain, close. The exit code: 0 drained, 1 when requests were cut."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unhandled)
        stop, hurry = asyncio.Event(), asyncio.Event()

        def signalled() -> None:
            (hurry if stop.is_set() else stop).set()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, signalled)
        starting = asyncio.create_task(self.start())
        if not await _before(starting, stop):
            return 0
        await stop.wait()
        draining = asyncio.create_task(self.drain(limit))
        if not await _before(draining, hurry):
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
            cut = self._edge.in_flight if self._edge is not None else 0
            event(self._log, logging.WARNING, "daemon.stopped", f"stopped; {cut} requests were cut off", in_flight=cut)

    def _unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What nobody awaited. With an exception, the loop's message holds arguments of callbacks: bytes of traffic."""
        error = context.get("exception")
        message = "an internal error that no request waited for" if error else str(context.get("message"))
        event(self._log, logging.ERROR, "internal.error", message, error=error)


async def _before(task: asyncio.Task[Any], end: asyncio.Event) -> bool:
    """Await `task`, or cancel it when `end` comes first. Whether it finished; its exception is raised."""
    ending = asyncio.create_task(end.wait())
    await asyncio.wait((task, ending), return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()
    if task.done():
        task.result()
        return True
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return False


async def _listening(bound: Awaitable[list[str]], wanted: list[str]) -> list[str]:
    try:
        return await bound
    except OSError as error:
        raise StartFailed(f"cannot listen on {', '.join(wanted)}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    """In the system's words: the loop's own repeat the address, and the TLS library's name a line of its source."""
    if isinstance(error, ssl.SSLError):
        words = error.reason.replace("_", " ") if error.reason else "not usable"
    elif isinstance(error, socket.gaierror) or not error.errno:
        words = error.strerror or type(error).__name__
    else:
        words = os.strerror(error.errno)
    return words.lower()


def forbid_core_dumps() -> None:
    """Keep the process's memory, and with it the secrets, out of core files and from other processes of the user."""
    if sys.platform == "linux":
        # Best effort: a C library without prctl leaves everything as it was.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed; None stands for asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
