"""Notices that the file is another one, by its time, size and inode, through links, so that a swapped link counts; or
that somebody has asked for it to be read again.

What must not live here: what is done about it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from proxy.upstream.tls import file_stamp

__all__ = ["FileWatch", "whenever"]

INTERVAL = 1.0


class FileWatch:
    """Made before the file is read for the first time, so that a change during the start is noticed, too."""

    __slots__ = ("_known", "_path")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = file_stamp(path)

    async def run(self, changed: Callable[[], Awaitable[object]], interval: float = INTERVAL) -> None:
        """Await `changed` after each change, once the file was the same for an interval: it may be half written."""
        last = None
        while True:
            now = file_stamp(self._path)
            if now is not None and now != self._known and now == last:
                self._known = now
                await _done(changed)
            last = now
            await asyncio.sleep(interval)


async def whenever(asked: asyncio.Event, then: Callable[[], Awaitable[object]]) -> None:
    """Await `then` for what was `asked` before it began, however often, and once more for what was asked meanwhile."""
    while True:
        await asked.wait()
        asked.clear()
        await _done(then)


async def _done(what: Callable[[], Awaitable[object]]) -> None:
    try:
        await what()
    except Exception as error:
        # A defect of ours; whoever asks again must not find nobody there.
        asyncio.get_running_loop().call_exception_handler({"message": "what was asked for failed", "exception": error})
