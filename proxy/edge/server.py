"""The lean server: aiohttp's `web.Server` with our connection class, and what its connections share.

What must not live here: listening (`listeners`), what a request means.
"""

import asyncio
import itertools
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NoReturn

from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestPayloadError
from aiohttp.web_server import Server

from proxy.clock import NEVER, CoarseTimer
from proxy.config.model import Limits
from proxy.edge.caller import CallerConnection
from proxy.edge.intake import Intake
from proxy.errors import CallerNotAllowed, OutriderError, Overloaded

__all__ = ["EdgeServer", "Handle"]

_TICK = 0.25
_MAX_FIELDS = 128
_READ_BUFFER = 2**16
_FOREVER = 10 * 365 * 86400.0

Handle = Callable[[Any, RawRequestMessage, StreamReader], Awaitable[bool]]
"""Answers one request; see `LeanRequestHandler.handle`."""


async def _unused(request: object) -> NoReturn:
    raise AssertionError("requests go through `handle`")


class EdgeServer(Server):
    """`handle` writes the whole answer itself, and tells whether another request may follow on the connection.

    `uids` are the user ids that may use a Unix socket, None for all.
    """

    def __init__(
        self,
        handle: Handle,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        count_refusal: Callable[[OutriderError], None],
        uids: frozenset[int] | None = None,
    ) -> None:
        super().__init__(
            _unused,
            handler_cancellation=True,
            loop=loop,
        )
        self.handle = handle
        self.adopt(limits, uids)
        self.timer = CoarseTimer(loop, _TICK)
        self.count_refusal = count_refusal
        self.lame = False
        self._open: set[CallerConnection] = set()
        self._emptied: asyncio.Future[None] | None = None
        self._prefix = os.urandom(4).hex().encode()
        self._numbers = itertools.count(1)

    def adopt(self, limits: Limits, uids: frozenset[int] | None) -> None:
        """From now on these hold. A connection that is open keeps the caps of its parser."""
        self.limits = limits
        self.head_timeout = limits.head_timeout or NEVER
        self.idle_timeout = limits.idle_timeout or NEVER
        self._uids = uids

    def __call__(self) -> CallerConnection:
        """A protocol for a new connection."""
        return CallerConnection(
            self,
            self._loop,
            keepalive_timeout=_FOREVER,
            access_log=None,
            max_line_size=self.limits.head,
            max_field_size=self.limits.head,
            max_headers=_MAX_FIELDS,
            read_bufsize=_READ_BUFFER,
            auto_decompress=False,
        )

    def new_parser(self, connection: Intake) -> HttpRequestParser:
        """A parser like the one that aiohttp makes for a connection."""
        return HttpRequestParser(
            connection,
            self._loop,
            _READ_BUFFER,
            max_line_size=self.limits.head,
            max_field_size=self.limits.head,
            max_headers=_MAX_FIELDS,
            payload_exception=RequestPayloadError,
            auto_decompress=False,
        )

    def new_request_id(self) -> bytes:
        return b"%b-%x" % (self._prefix, next(self._numbers))

    def admit(self, connection: CallerConnection) -> OutriderError | None:
        """Count a new connection; the reason to refuse it, if there is one."""
        self._open.add(connection)
        if len(self._open) > self.limits.connections:
            return Overloaded(f"{self.limits.connections} connections are open (limits.connections).", retry_after=1)
        if self._uids is not None and not self._is_known(connection.transport):
            return CallerNotAllowed("This user may not use the socket (access.uids).")
        return None

    @property
    def callers(self) -> Iterable[CallerConnection]:
        """The connections that are open now."""
        return self._open

    def left(self, connection: CallerConnection) -> None:
        self._open.discard(connection)
        if self._emptied is not None and not self._open and not self._emptied.done():
            self._emptied.set_result(None)

    async def emptied(self, limit: float) -> bool:
        """Wait at most `limit` seconds until no connection is open; whether that was reached."""
        if self._open:
            self._emptied = self._loop.create_future()
            await asyncio.wait((self._emptied,), timeout=limit)
        return not self._open

    def make_lame(self, concerns: Callable[[object], bool]) -> bool:
        """Tell callers that their connection ends, where its name is one that `concerns` us; whether any is."""
        found = False
        for connection in self._open:
            if connection.transport is not None and concerns(connection.transport.get_extra_info("sockname")):
                connection.lame = found = True
        return found

    def close_idle(self, *, lame: bool = False) -> bool:
        """Close the connections that are between requests, or the `lame` ones of them; whether others are left."""
        left = False
        for connection in list(self._open):
            if lame and not connection.lame:
                continue
            if connection.is_idle:
                connection.force_close()
            else:
                left = True
        return left

    def abort_all(self) -> int:
        """Cut what is still open, so that it cannot look whole; how many that were."""
        for connection in list(self._open):
            connection.abort()
        return len(self._open)

    async def shutdown(self, timeout: float | None = None) -> None:
        await super().shutdown(timeout)
        self.timer.close()

    def _is_known(self, transport: asyncio.Transport | None) -> bool:
        sock = None if transport is None else transport.get_extra_info("socket")
        if sock is None or self._uids is None or sock.family != socket.AF_UNIX:
            return True
        with socket.socket(fileno=os.dup(sock.fileno())) as peer:
            credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", credentials)
        return uid in self._uids
