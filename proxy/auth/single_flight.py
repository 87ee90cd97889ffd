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

    __slots__ = ("_closed", "_task", "_turn", "_work")

    def __init__(self, work: Callable[[], Coroutine[None, None, T]]) -> None:
        self._work = work
        self._task: asyncio.Task[T] | None = None
        self._closed = False
        self._turn = asyncio.Lock()

    @property
    def busy(self) -> bool:
        return self._task is not None and not self._task.done()

    def begin(self, work: Callable[[], Coroutine[None, None, T]] | None = None) -> "asyncio.Task[T] | None":
        """The run under way, or a new one, of `work` where that is given; None when closed."""
        if self._closed:
            return None
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task((work or self._work)())
        return self._task

    async def join(self) -> T | None:
        """The outcome of the run under way, or of a new one; None when it was closed meanwhile."""
        while (task := self.begin()) is not None:
            await asyncio.wait((task,))
            if not task.cancelled():
                return task.result()
            if task is self._task:
                return None
            # Another run has taken its place.
        return None

    async def instead(self, work: Callable[[], Coroutine[None, None, T]]) -> T | None:
        """The outcome of `work`, which takes the place of the run under way; whoever waited for that waits for this.

        None when it was closed meanwhile. Runs of this kind do not take each other's place: they come in turn.
        """
        async with self._turn:
            if self._closed:
                return None
            self._task = asyncio.get_running_loop().create_task(_after(self._task, work))
            return await self.join()

    async def close(self, patience: float = 0.0) -> None:
        """Start no other run, and end the one under way when it has not ended by itself after `patience` seconds."""
        self._closed = True
        if self._task is not None and not self._task.done():
            if patience:
                await asyncio.wait((self._task,), timeout=patience)
            self._task.cancel()
            await asyncio.wait((self._task,))


async def _after(before: "asyncio.Task[T] | None", work: Callable[[], Coroutine[None, None, T]]) -> T:
    if before is not None and not before.done():
        before.cancel()
        await asyncio.wait((before,))
    return await work()
