"""The connections of one upstream: idle ones are used again, last used first; new ones are opened up to a limit.

What must not live here: what is sent on a connection.
"""

import asyncio
from collections import deque

from proxy.clock import NEVER
from proxy.errors import DeadlineExceeded, OutriderError, Overloaded
from proxy.upstream.connection import UpstreamConnection
from proxy.upstream.dial import Dialer

__all__ = ["ConnectionPool"]

_LEAST_LIMIT = 0.001
_EARLY = 0.01
"""Seconds by which a loop's timers may come before their time."""


class ConnectionPool:
    """`take` answers at once or not at all; `open` waits. A connection comes back by itself when it is free, and is
    ended there and then where none is to be used again (`reuse`)."""

    __slots__ = ("_dialer", "_idle", "_idle_limit", "_limit", "_loop", "_open", "_reuse", "_waiters")

    def __init__(
        self, dialer: Dialer, limit: int, idle_limit: float, loop: asyncio.AbstractEventLoop, *, reuse: bool = True
    ) -> None:
        self._dialer = dialer
        self._limit = limit
        self._idle_limit = idle_limit or NEVER
        self._loop = loop
        self._reuse = reuse
        self._open = 0
        self._idle: list[UpstreamConnection] = []
        self._waiters: deque[asyncio.Future[UpstreamConnection | None]] = deque()

    def __len__(self) -> int:
        return self._open

    def take(self) -> UpstreamConnection | None:
        """An idle connection that is known to be quiet."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_quiet():
                return connection
            connection.abort()
        return None

    async def open(self, connect_limit: float, deadline: float) -> UpstreamConnection:
        """A new connection, or one that comes free. Raises OutriderError."""
        remaining = deadline - self._loop.time()
        limit = min(connect_limit or NEVER, remaining)
        if limit <= 0:
            raise DeadlineExceeded("The request's deadline passed before the upstream was reached.")
        while self._open >= self._limit:
            handed = await self._wait(limit, deadline)
            if handed is None:
                break
            if handed.is_quiet():
                return handed
            handed.abort()
        else:
            self._open += 1
        return await self._dial(connect_limit, deadline)

    async def close(self) -> None:
        while self._idle:
            self._idle.pop().abort()
        await self._dialer.close()

    async def _dial(self, connect_limit: float, deadline: float) -> UpstreamConnection:
        """Open a connection in the room that has been counted already."""
        try:
            limit = min(connect_limit or NEVER, max(deadline - self._loop.time(), _LEAST_LIMIT))
            connection = await self._dialer.dial(limit)
        except BaseException as error:
            self._leave_room()
            if isinstance(error, OutriderError) and self._is_past(deadline):
                raise DeadlineExceeded("The request's deadline passed before the upstream was reached.") from None
            raise
        connection.adopt(self._freed, self._lost)
        return connection

    async def _wait(self, limit: float, deadline: float) -> UpstreamConnection | None:
        """Wait in line for a connection, or (None) for the room of one that ended, which stays counted."""
        waiter: asyncio.Future[UpstreamConnection | None] = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(limit if limit != NEVER else None):
                return await waiter
        except TimeoutError:
            self._pass_on(waiter)
            if self._is_past(deadline):
                raise DeadlineExceeded("The request's deadline passed before a connection was free.") from None
            full = f"All {self._limit} connections to the upstream are in use (pool.connections)."
            raise Overloaded(full, retry_after=1, stage="transport") from None
        except asyncio.CancelledError:
            self._pass_on(waiter)
            raise

    def _pass_on(self, waiter: "asyncio.Future[UpstreamConnection | None]") -> None:
        """Who left the line may have been handed something in the same moment; the next one gets it."""
        if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            connection = waiter.result()
            if connection is None:
                self._leave_room()
            else:
                self._freed(connection)

    def _wake(self, connection: UpstreamConnection | None) -> bool:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    def _is_past(self, deadline: float) -> bool:
        return self._loop.time() >= deadline - _EARLY

    def _leave_room(self) -> None:
        """A connection is no more: its room goes to the next in line."""
        if not self._wake(None):
            self._open -= 1

    def _freed(self, connection: UpstreamConnection) -> None:
        if not self._reuse:
            connection.abort()
            return
        connection.rest_until(self._loop.time() + self._idle_limit)
        if not self._waiters or not self._wake(connection):
            self._idle.append(connection)

    def _lost(self, connection: UpstreamConnection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        self._dialer.forget(connection)
        self._leave_room()
