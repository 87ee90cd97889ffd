"""What nobody caught: in the loop, in a thread, where an object ended, at the end of a command.

Python writes such errors to standard error with their messages, which may hold anything; here they become log lines
like others, by their kinds and places. What must not live here: errors that somebody waits for.
"""

import asyncio
import logging
import sys
import threading
from typing import Any

from proxy.observe.log import LOGGER, event, trace

__all__ = ["crash_report", "log_uncaught"]


def log_uncaught(loop: asyncio.AbstractEventLoop) -> None:
    """From now on, in all of the process."""
    loop.set_exception_handler(_in_loop)
    threading.excepthook = lambda found: _say(found.exc_value)
    sys.unraisablehook = lambda found: _say(found.exc_value)


def _in_loop(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # With an exception, the loop's message holds arguments of callbacks: bytes of traffic.
    error = context.get("exception")
    _say(error, str(context.get("message")))


def _say(error: BaseException | None, otherwise: str = "") -> None:
    message = "an internal error that no request waited for" if error or not otherwise else otherwise
    event(logging.getLogger(LOGGER), logging.ERROR, "internal.error", message, error=error)


def crash_report(error: BaseException) -> str:
    """For whoever ran a command that failed in a way that is our fault; ends its last line."""
    lines = "".join(f"    {line}\n" for line in trace(error))
    return f"outrider: an internal error; please report it with these lines:\n{lines}"
