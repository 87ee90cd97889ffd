"""What systemd is told (sd_notify(3)): that the daemon is ready, reloads, stops, and that its loop still turns.

What must not live here: when any of that is so.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Mapping

__all__ = ["Notifier"]


class Notifier:
    """Says nothing to nobody where no service manager listens."""

    __slots__ = ("_address", "_interval", "_timer")

    def __init__(self, environ: Mapping[str, str], pid: int | None = None) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._interval = _watchdog_interval(environ, os.getpid() if pid is None else pid)
        self._timer: asyncio.TimerHandle | None = None

    def ready(self, status: str) -> None:
        self._send("READY=1", f"STATUS={status}")

    def status(self, status: str) -> None:
        self._send(f"STATUS={status}")

    def reloading(self) -> None:
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str) -> None:
        self._send("STOPPING=1", f"STATUS={status}")

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Pat the watchdog from a timer of `loop`, at half of what it waits: a loop that hangs does not."""
        if self._address and self._interval:
            self._send("WATCHDOG=1")
            self._timer = loop.call_later(self._interval, self.watch, loop)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the NUL of an abstract socket. A manager that does not listen stops no daemon.
        where = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto("\n".join(line.replace("\n", " ") for line in lines).encode(), where)


def _watchdog_interval(environ: Mapping[str, str], pid: int) -> float:
    """Seconds between two pats; 0 where no watchdog waits for this process."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return 0.0
    return int(microseconds) / 2e6
