"""Waiting for one of two things.

What must not live here: what they are.
"""

import asyncio
import contextlib
from typing import Any

__all__ = ["finished_before"]


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
