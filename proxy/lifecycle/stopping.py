"""Who wants the daemon to end: an administrator, who waits for what is in flight, or a signal, and then one more.

What must not live here: how it ends.
"""

import asyncio
import contextlib
import signal
from typing import Any

__all__ = ["Stopping", "finished_before"]


class Stopping:
    """`asked`: let requests in flight end, then end. `hurried`: end at once."""

    __slots__ = ("_signalled", "asked", "hurried")

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()
        self._signalled = False

    def heed_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        """TERM and INT."""
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signal)

    def ask(self) -> None:
        """However often, also before a signal: the supervisor of a job that drains does not know of it."""
        self.asked.set()

    def _signal(self) -> None:
        """The first is a supervisor's usual way to ask; the second is from somebody who does not want to wait."""
        (self.hurried if self._signalled else self.asked).set()
        self._signalled = True


async def finished_before(task: asyncio.Task[Any], end: asyncio.Event) -> bool:
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
