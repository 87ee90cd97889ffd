"""Reading the configuration again: all of it is put in force, or nothing changes and everybody can see why.

What must not live here: who asks for it, and how a configuration is put in force (`running`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from proxy.admin import Health
from proxy.clock import wall
from proxy.config.load import LoadedConfig
from proxy.config.problem import ConfigInvalid
from proxy.lifecycle.changes import changes
from proxy.lifecycle.failure import StartFailed
from proxy.lifecycle.notify import Notifier
from proxy.lifecycle.running import Running
from proxy.observe import Tallies, event
from proxy.observe.log import set_format, set_level

__all__ = ["Outcome", "Reloader"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a reload: what was changed, or why nothing was (`problems`, of the file itself if `invalid`)."""

    changed: list[str]
    problems: list[str]
    invalid: bool = False


class Reloader:
    """`load` reads the file again, in a thread; None where there is none. `replace` puts a configuration in force."""

    def __init__(
        self,
        load: Callable[[], LoadedConfig] | None,
        running: Running,
        replace: Callable[[LoadedConfig], Awaitable[None]],
        health: Health,
        tallies: Tallies,
        notifier: Notifier,
        log: logging.Logger,
    ) -> None:
        self._load = load
        self._running = running
        self._replace = replace
        self._health = health
        self._tally = tallies.configuration
        self._events = tallies.events
        self._notifier = notifier
        self._log = log
        self._lock = asyncio.Lock()

    async def reload(self) -> Outcome:
        """One at a time; never raises for what is in the file."""
        async with self._lock:
            if self._health.phase != "ready":
                why = f"the daemon is {self._health.phase}"
                event(self._log, logging.WARNING, "reload.refused", f"reload changed nothing: {why}")
                return Outcome([], [why])
            if self._load is None:
                return Outcome([], ["the daemon was started from flags, so there is no file to read again"])
            self._notifier.reloading()
            try:
                outcome = await self._attempt(self._load)
            except Exception:
                # A defect of ours, and whoever waits, a service manager among them, must not wait for ever.
                self._tally.successful = False
                self._notifier.ready("ready; the last reload ended in an internal error")
                raise
            self._tell(outcome)
            return outcome

    async def _attempt(self, load: Callable[[], LoadedConfig]) -> Outcome:
        before = self._running.config
        try:
            loaded = await asyncio.to_thread(load)
            # Before the pipeline, which asks how lines are written.
            set_format(loaded.config.log.format)
            await self._replace(loaded)
        except ConfigInvalid as invalid:
            return Outcome([], [str(problem) for problem in invalid.problems], invalid=True)
        except StartFailed as failed:
            set_format(before.log.format)
            return Outcome([], [str(failed)], invalid=failed.exit_code == 78)
        for warning in loaded.warnings:
            event(self._log, logging.WARNING, "config.warning", str(warning))
        if loaded.config.log.level != before.log.level:
            set_level(loaded.config.log.level)
        return Outcome(changes(before, loaded.config), [])

    def _tell(self, outcome: Outcome) -> None:
        if outcome.problems:
            self._tally.successful = False
            self._health.notes = [f"the last reload changed nothing: {problem}" for problem in outcome.problems]
            for problem in outcome.problems:
                event(self._log, logging.ERROR, "reload.failed", f"reload changed nothing: {problem}")
            self._events.publish("reload.failed", problems=outcome.problems)
            self._notifier.ready(f"ready; the last reload changed nothing: {outcome.problems[0]}")
            return
        self._tally.loaded(wall())
        self._health.notes = []
        what = ", ".join(outcome.changed) or "nothing"
        event(self._log, logging.INFO, "reload.done", f"reloaded; changed: {what}", changed=outcome.changed)
        self._events.publish("reload.done", changed=outcome.changed)
        self._notifier.ready("ready")
