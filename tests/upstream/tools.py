"""A connection and a pool on a transport that is no socket, for rules about what happens on the wire."""

import asyncio
from typing import Any, cast

from proxy.clock import NEVER, CoarseTimer
from proxy.message import Exchange
from proxy.upstream.connection import UpstreamConnection

__all__ = ["GET", "OK", "Recorder", "connected", "exchange"]

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Recorder(asyncio.Transport):
    """Keeps what is written; `ended` says how it was closed. Closing is told to the protocol when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = ""
        self.reading = True

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.ended != ""

    def abort(self) -> None:
        self.ended = self.ended or "aborted"

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = "finished"

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def exchange(method: str = "GET", **more: Any) -> Exchange:
    made = Exchange(method, b"/", [], b"1", 0.0)
    made.deadline = NEVER
    for name, value in more.items():
        setattr(made, name, value)
    return made


def connected(timer: CoarseTimer | None = None) -> tuple[UpstreamConnection, Recorder, list[str]]:
    """A connection that is open; the list has what it told its pool."""
    loop = asyncio.get_running_loop()
    connection, transport, told = (
        UpstreamConnection(loop, CoarseTimer(loop, 60.0) if timer is None else timer),
        Recorder(),
        [],
    )
    connection.adopt(lambda _: told.append("free"), lambda _: told.append("lost"))
    connection.connection_made(cast(asyncio.BaseTransport, transport))
    return connection, transport, told
