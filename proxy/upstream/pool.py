"""The connections of one upstream: idle ones are used again, last used first; new ones are opened up to a limit.

What must not live here: what is sent on a connection.
"""

import asyncio
from collections import deque

from proxy.clock import NEVER
from proxy.errors import DeadlineExceeded, Overloaded
from proxy.upstream.connection import UpstreamConnection
from proxy.upstream.dial import Dialer

__all__ = ["ConnectionPool"]


class ConnectionPool:
    """`take` answers at once or not at all; `open` waits. A connection comes back by itself when it is free."""

    __slots__ = ("_dialer", "_idle", "_idle_limit", "_limit", "_loop", "_open", "_waiters")

    def __init__(self, dialer: Dialer, limit: int, idle_limit: float, loop: asyncio.AbstractEventLoop) -> None:
        self._dialer = dialer
        self._limit = limit
        self._idle_limit = idle_limit or NEVER
        self._loop = loop
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
        if self._open >= self._limit:
            handed = await self._wait(limit)
            if handed is not None:
                return handed
        self._open += 1
        try:
            connection = await self._dialer.dial(limit)
        except BaseException:
            self._open -= 1
            self._wake(None)
            raise
        connection.adopt(self._freed, self._lost)
        return connection

    async def close(self) -> None:
        while self._idle:
            self._idle.pop().abort()
        await self._dialer.close()

    async def _wait(self, limit: float) -> UpstreamConnection | None:
        """Wait in line for a connection, or (None) for the room to open one."""
        waiter: asyncio.Future[UpstreamConnection | None] = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(limit if limit != NEVER else None):
                return await waiter
        except TimeoutError:
            self._pass_on(waiter)
            raise Overloaded(f"All {self._limit} connections to the upstream are in use.", retry_after=1) from None
        except asyncio.CancelledError:
            self._pass_on(waiter)
            raise

    def _pass_on(self, waiter: "asyncio.Future[UpstreamConnection | None]") -> None:
        """Who left the line may have been handed something in the same moment; the next one gets it."""
        if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            connection = waiter.result()
            if connection is None:
                self._wake(None)
            else:
                self._freed(connection)

    def _wake(self, connection: UpstreamConnection | None) -> bool:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    def _freed(self, connection: UpstreamConnection) -> None:
        connection.rest_until(self._loop.time() + self._idle_limit)
        if not self._waiters or not self._wake(connection):
            self._idle.append(connection)

    def _lost(self, connection: UpstreamConnection) -> None:
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        self._dialer.forget(connection)
        self._wake(None)
