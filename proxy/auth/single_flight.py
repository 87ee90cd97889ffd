"""One run of a piece of work, shared by all who want its outcome.

The run is a task of its own: a waiter's cancellation does not stop it. Outcomes are values, so a failure that nobody
waited for is not reported as a lost exception, and each waiter raises an exception of its own. What must not live
here: what the work is.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Generic, TypeVar

__all__ = ["SingleFlight"]

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs `work` at most once at a time."""

    __slots__ = ("_closed", "_task", "_work")

    def __init__(self, work: Callable[[], Coroutine[None, None, T]]) -> None:
        self._work = work
        self._task: asyncio.Task[T] | None = None
        self._closed = False

    def begin(self) -> "asyncio.Task[T] | None":
        """The run under way, or a new one; None when closed."""
        if self._closed:
            return None
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())
        return self._task

    async def join(self) -> T | None:
        """The outcome of the run under way, or of a new one; None when it was closed meanwhile."""
        task = self.begin()
        if task is None:
            return None
        await asyncio.wait((task,))
        return None if task.cancelled() else task.result()

    async def close(self, patience: float = 0.0) -> None:
        """Start no other run, and end the one under way when it has not ended by itself after `patience` seconds."""
        self._closed = True
        if self._task is not None and not self._task.done():
            if patience:
                await asyncio.wait((self._task,), timeout=patience)
            self._task.cancel()
            await asyncio.wait((self._task,))
