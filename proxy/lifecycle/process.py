"""What concerns the whole process: its event loop, and that its memory is its own.

What must not live here: signals, and the daemon.
"""

import asyncio
import contextlib
import ctypes
import sys
from collections.abc import Callable

__all__ = ["forbid_core_dumps", "loop_factory"]

_PR_SET_DUMPABLE = 4


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
