"""The way of notices to one hook: in order, each tried again for a while, and never more than so many waiting.

What must not live here: what an attempt is (`proxy.hooks.send`).
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable

from proxy.hooks.notice import Notice
from proxy.hooks.send import Send, Undelivered
from proxy.observe.hook_tally import HookTally
from proxy.observe.log import LOGGER, event

__all__ = ["MOST_WAITING", "Delivery"]

MOST_WAITING = 256
"""Notices; past it the oldest that waits is dropped."""

_BASE = 1.0
_CAP = 60.0


class Delivery:
    """Runs a task only while there is something to tell."""

    def __init__(
        self,
        hook: str,
        send: Send,
        attempts: int,
        tally: HookTally,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._hook = hook
        self._send = send
        self._attempts = attempts
        self._tally = tally
        self._sleep = sleep
        self._waiting: deque[Notice] = deque()
        self._task: asyncio.Task[None] | None = None
        self._log = logging.getLogger(LOGGER)
        tally.begin(hook)

    def offer(self, notice: Notice) -> None:
        """Take it; returns at once."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._dropped(1, "too many are waiting")
        self._waiting.append(notice)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._deliver(self._waiting.popleft())
        finally:
            self._task = None

    async def _deliver(self, notice: Notice) -> None:
        for attempt in range(1, self._attempts + 1):
            try:
                await self._send(notice)
            except Undelivered as error:
                if not error.again or attempt == self._attempts:
                    self._tally.count(self._hook, "failed")
                    tried = f"after {attempt} attempts" if attempt > 1 else "at once"
                    self._note("hook.failed", f"the hook {self._hook} was given up {tried}: {error}")
                    return
            except asyncio.CancelledError:
                self._dropped(1, "Outrider ends")
                raise
            except Exception as error:
                # A defect of ours in one notice must not be the end of all that follow.
                self._tally.count(self._hook, "failed")
                event(self._log, logging.ERROR, "hook.defect", f"the hook {self._hook} failed", error=error)
                return
            else:
                self._tally.count(self._hook, "delivered")
                return
            await self._pause(attempt)

    async def _pause(self, attempt: int) -> None:
        wait = min(_CAP, _BASE * 2 ** (attempt - 1))
        try:
            await self._sleep(random.uniform(wait / 2, wait))  # noqa: S311 - no secret
        except asyncio.CancelledError:
            self._dropped(1, "Outrider ends")
            raise

    async def close(self, grace: float) -> None:
        """Give what waits `grace` seconds; then drop it."""
        task = self._task
        if task is not None:
            await asyncio.wait((task,), timeout=grace)
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))
        if self._waiting:
            self._dropped(len(self._waiting), "Outrider ends")
            self._waiting.clear()

    def _dropped(self, number: int, why: str) -> None:
        self._tally.count(self._hook, "dropped", number)
        self._note("hook.dropped", f"{number} notices for the hook {self._hook} were dropped: {why}")

    def _note(self, name: str, message: str) -> None:
        event(self._log, logging.WARNING, name, message, hook=self._hook)
