"""Notices that a file is another one, by its time, size and inode; through links, so that a swapped link counts.

What must not live here: what is done about it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from proxy.upstream.tls import file_stamp

__all__ = ["watch"]

INTERVAL = 1.0


async def watch(path: Path, changed: Callable[[], Awaitable[object]], interval: float = INTERVAL) -> None:
    """Await `changed` after each change, once the file has stayed the same for an interval: it may be half written."""
    known = last = file_stamp(path)
    while True:
        await asyncio.sleep(interval)
        now = file_stamp(path)
        if now is not None and now != known and now == last:
            known = now
            await changed()
        last = now
