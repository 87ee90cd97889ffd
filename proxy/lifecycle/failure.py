"""Why a configuration cannot be put in force, in one line for a user.

What must not live here: mistakes that the file's own checks find (`proxy.config.problem`).
"""

import os
import socket
import ssl
from collections.abc import Awaitable
from typing import TypeVar

__all__ = ["StartFailed", "listening", "reason"]

T = TypeVar("T")


class StartFailed(Exception):
    """The configuration cannot be put in force. `exit_code` is 78 where it is the configuration that is wrong."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


async def listening(bound: Awaitable[T], wanted: list[str]) -> T:
    try:
        return await bound
    except OSError as error:
        raise StartFailed(f"cannot listen on {', '.join(wanted)}: {reason(error)}") from error


def reason(error: OSError) -> str:
    """In the system's words: the loop's own repeat the address, and the TLS library's name a line of its source."""
    if isinstance(error, ssl.SSLError):
        words = error.reason.replace("_", " ") if error.reason else "not usable"
    elif isinstance(error, socket.gaierror) or not error.errno:
        words = error.strerror or type(error).__name__
    else:
        words = os.strerror(error.errno)
    return words.lower()
