"""The configuration in force, and its replacement while requests are under way.

A request ends in the pipeline that it began in. A pipeline that was replaced is closed when the last of its requests
has ended; what the next one took over lives on. What must not live here: where a configuration comes from.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from proxy.auth.session import SessionSource
from proxy.auth.store import StoreFailed
from proxy.chain import Holdings
from proxy.config.load import LoadedConfig
from proxy.config.model import Config
from proxy.edge import Edge
from proxy.edge.local import LocalService
from proxy.hooks import Hooks
from proxy.lifecycle.failure import StartFailed, listening, reason
from proxy.observe import Tallies, event
from proxy.pipeline import Pipeline

__all__ = ["RETIREMENT", "Running"]

RETIREMENT = 3600.0
"""Seconds after which a pipeline that was replaced is closed though requests of it are still under way: they go on, but
no credential that only they use is renewed any more."""

_CREDENTIAL_RETRY = 5.0
_CREDENTIAL_PATIENCE = 10.0
_LEAST_RETIREMENT = 1.0


class Running:
    """`problems` are what is wrong with credentials that were never there, by profile."""

    def __init__(self, loaded: LoadedConfig, environ: Mapping[str, str], tallies: Tallies, log: logging.Logger) -> None:
        self.loaded = loaded
        self.problems: dict[str, str] = {}
        self.pipeline: Pipeline | None = None
        self._beginning = False
        self._environ = environ
        self._tallies = tallies
        self._log = log
        self._holdings = Holdings()
        self._hooks: Hooks | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._retiring: dict[asyncio.Task[None], Pipeline] = {}

    @property
    def config(self) -> Config:
        return self.loaded.config

    @property
    def in_flight(self) -> int:
        pipelines = [*self._retiring.values(), *([self.pipeline] if self.pipeline else [])]
        return sum(pipeline.admission.in_flight for pipeline in pipelines)

    def unready(self) -> list[str]:
        """What keeps requests from being served: credentials that were never there, sessions that cannot work."""
        if self.pipeline is None:
            return []
        awaited = self.pipeline.awaited if self._beginning else ()
        begun = dict.fromkeys(sorted(awaited), "its credential is still awaited")
        return [f"profile {name}: {why}" for name, why in (begun | self.problems | self.pipeline.unusable()).items()]

    def build(self, loaded: LoadedConfig) -> Pipeline:
        """Raises StartFailed."""
        self._tallies.cover(loaded.config.upstreams)
        loop = asyncio.get_running_loop()
        try:
            return Pipeline(loaded.config, loaded.base, self._environ, self._tallies, loop, self._holdings)
        except OSError as error:
            file = f" {error.filename}" if error.filename else ""
            raise StartFailed(f"cannot use a TLS file{file}: {reason(error)}", 78) from error

    async def _prepared(self, loaded: LoadedConfig) -> Pipeline:
        """The next pipeline, with the sessions where it keeps them. Raises StartFailed."""
        states = self._tallies.sessions.states()
        pipeline = self.build(loaded)
        try:
            await pipeline.keep_sessions()
        except StoreFailed as failed:
            self._tallies.sessions.restore(states)
            await pipeline.close()
            raise StartFailed(f"the sessions cannot move to another state.dir: {failed.detail}", 78) from None
        return pipeline

    async def begin(self) -> Pipeline:
        """The first pipeline. Raises StartFailed."""
        self.pipeline = self.build(self.loaded)
        self._hooks = self._open_hooks(self.loaded)
        return self.pipeline

    def _open_hooks(self, loaded: LoadedConfig, before: Hooks | None = None) -> Hooks:
        hooks = Hooks(loaded.config, loaded.base, self._environ, self._tallies, before)
        hooks.start()
        return hooks

    async def _renew_hooks(self) -> None:
        """Those of the configuration in force, from the event on that the ones before have not seen."""
        old = self._hooks
        if old is None or not old.is_for(self.config):
            if old is not None:
                old.stop()
            self._hooks = self._open_hooks(self.loaded, old)
            if old is not None:
                await old.close()

    async def replace(
        self, loaded: LoadedConfig, edge: Edge, service: Callable[[Config], Awaitable[LocalService]]
    ) -> None:
        """Put `loaded` in force: all of it, or nothing, and then StartFailed is raised.

        `service` gives the admin plane, with the token of the configuration.
        """
        config = loaded.config
        admin = await listening(edge.prepare_admin(config), edge.listens_on)
        proxy = []
        try:
            proxy = await listening(edge.prepare(config), edge.listens_on)
            pipeline = await self._prepared(loaded)
        except BaseException:
            edge.abandon(proxy, admin)
            raise
        try:
            problems = await self._first_credentials(pipeline)
            if edge.is_leaving:
                # Told to stop while the credentials came: what listens no more must not begin again.
                raise StartFailed("the daemon is draining")
        except BaseException:
            edge.abandon(proxy, admin)
            await pipeline.close()
            raise
        old, self.pipeline, self.loaded = self.pipeline, pipeline, loaded
        self._tallies.sessions.keep([name for name, one in pipeline.sources.items() if isinstance(one, SessionSource)])
        await edge.adopt_admin(config, await service(config), admin)
        await edge.adopt(config, pipeline, proxy)
        await self._watch_over(pipeline, problems)
        if old is not None:
            self._retire(old)
        await self._renew_hooks()

    async def _first_credentials(self, pipeline: Pipeline) -> dict[str, str]:
        """Those that are new, before anybody needs them; those that there were are there already."""
        try:
            async with asyncio.timeout(_CREDENTIAL_PATIENCE):
                return await pipeline.start()
        except TimeoutError:
            return {}

    async def obtain_credentials(self) -> None:
        if self.pipeline is not None:
            self._beginning = True
            problems = await self.pipeline.start()
            self._beginning = False
            await self._watch_over(self.pipeline, problems)

    async def _watch_over(self, pipeline: Pipeline, problems: dict[str, str]) -> None:
        await self._end_recovery()
        self.problems = problems
        for name, why in problems.items():
            event(self._log, logging.ERROR, "credential.unavailable", f"no credential for {name}: {why}", profile=name)
        if problems:
            self._recovery = asyncio.create_task(self._recover(pipeline))

    async def _recover(self, pipeline: Pipeline) -> None:
        """Try again while a profile has no credential: nobody sends requests to a daemon that is not ready."""
        while self.problems:
            await asyncio.sleep(_CREDENTIAL_RETRY)
            before, self.problems = self.problems, await pipeline.start()
            for name in before.keys() - self.problems.keys():
                event(self._log, logging.INFO, "credential.obtained", f"credential for {name} is there", profile=name)

    async def _end_recovery(self) -> None:
        recovery, self._recovery = self._recovery, None
        if recovery is not None:
            recovery.cancel()
            await asyncio.wait((recovery,))

    def _retire(self, pipeline: Pipeline) -> None:
        task = asyncio.create_task(self._see_off(pipeline))
        self._retiring[task] = pipeline
        task.add_done_callback(lambda done: self._retiring.pop(done, None))

    async def _see_off(self, pipeline: Pipeline) -> None:
        # Whoever was on the way to it when it was replaced is counted by then.
        await asyncio.sleep(_LEAST_RETIREMENT)
        try:
            async with asyncio.timeout(RETIREMENT):
                await pipeline.admission.idle()
        except TimeoutError:
            left = pipeline.admission.in_flight
            message = f"{left} requests of a replaced configuration are still under way; its credentials end"
            event(self._log, logging.WARNING, "reload.retired", message, in_flight=left)
        await pipeline.close()

    async def close(self) -> None:
        await self._end_recovery()
        hooks, self._hooks = self._hooks, None
        if hooks is not None:
            await hooks.close()
        retiring = dict(self._retiring)
        for task in retiring:
            task.cancel()
        if retiring:
            await asyncio.wait(retiring)
        pipeline, self.pipeline = self.pipeline, None
        for one in (*retiring.values(), *([pipeline] if pipeline is not None else [])):
            await one.close()
