"""Ports for processes that the tests start, which bind them a moment after they were handed out.

What must not live here: starting anything.
"""

import contextlib
import random
import socket
import sys

__all__ = ["free_port"]

_HANDED_OUT: dict[int, socket.socket | None] = {}
"""Each with what keeps other processes of tests from it as long as this one lives."""


def free_port() -> int:
    """A loopback port below those that the system gives to outgoing connections, handed out once among all processes
    of tests.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            if port not in _HANDED_OUT:
                _HANDED_OUT[port] = _reserved(port)
                return port


def _reserved(port: int) -> socket.socket | None:
    """A name that one process can have, without a file, as far as the port itself reaches. Raises OSError where another
    has it.
    """
    if sys.platform != "linux":
        return None
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0outrider-tests-{port}")
    except OSError:
        name.close()
        raise
    return name
