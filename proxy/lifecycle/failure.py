"""Why a configuration cannot be put in force, in one line for a user.

What must not live here: mistakes that the file's own checks find (`proxy.config.problem`).
"""

import errno
import os
import socket
import ssl
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from proxy.config.address import parse_address

__all__ = ["StartFailed", "listening", "reason"]

T = TypeVar("T")


class StartFailed(Exception):
    """The configuration cannot be put in force. `exit_code` is 78 where it is the configuration that is wrong."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


async def listening(bound: Awaitable[T], there: Sequence[str] = ()) -> T:
    """What comes of binding; `there` is what this daemon listens on already. Raises StartFailed."""
    try:
        return await bound
    except OSError as error:
        wanted = str(error.filename)
        why = reason(error)
        if error.errno == errno.EADDRINUSE:
            own = [address for address in there if parse_address(address).clashes(parse_address(wanted))]
            if own:
                why = f"this daemon listens on {own[0]}, which overlaps it; restart it, or choose another port"
        raise StartFailed(f"cannot listen on {wanted}: {why}") from error


def reason(error: OSError) -> str:
    """In the system's words: the loop's own repeat the address, and the TLS library's name a line of its source."""
    if isinstance(error, ssl.SSLError):
        words = error.reason.replace("_", " ") if error.reason else "not usable"
    elif isinstance(error, socket.gaierror) or not error.errno:
        words = error.strerror or type(error).__name__
    else:
        words = os.strerror(error.errno)
    return words.lower()
