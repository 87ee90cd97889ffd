"""Small calls that Outrider makes for itself, on connections and limits of their own.

They pass through no stage, so that a token endpoint can have no credential of its own to wait for, and no circuit,
limit or retry of an upstream's stands in their way. Each has a connection to itself: one that was kept alive may be
closed by the other side in the moment of use, and then nobody could say whether the call was acted on. What must not
live here: what is asked, and what the answer means.
"""

import asyncio
import ssl
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from proxy.clock import CoarseTimer
from proxy.config.tls_model import Tls
from proxy.errors import OutriderError, UpstreamProtocolError, UpstreamTimeout
from proxy.message import Exchange, Response
from proxy.message.call import Call, Reply
from proxy.upstream.connection import UpstreamConnection
from proxy.upstream.dial import Dialer
from proxy.upstream.limits import Limits
from proxy.upstream.pool import ConnectionPool
from proxy.upstream.tls import tls_context

__all__ = ["CAP", "Fetcher"]

CAP = 256 * 1024
"""Bytes of an answer's content; a longer one is refused."""

_CONNECT_LIMIT = 5.0
_CONNECTIONS = 32
"""At once to one origin: some that hang must not hold up those of other profiles."""


class Fetcher:
    """Makes calls; a `Fetch` of `proxy.message.call`. TLS is verified against the system's authorities."""

    __slots__ = ("__weakref__", "_children", "_context", "_loop", "_pools", "_server_name", "_timer")

    def __init__(self, timer: CoarseTimer, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = timer
        self._loop = loop
        self._pools: dict[str, ConnectionPool] = {}
        self._context: ssl.SSLContext | None = None
        self._server_name: str | None = None
        self._children: weakref.WeakSet[Fetcher] = weakref.WeakSet()

    def over(self, tls: Tls, base: Path) -> "Fetcher":
        """One that makes its calls with these options of TLS; paths are relative to `base`. Closed with this one.

        Raises OSError (ssl.SSLError included) when a file cannot be used.
        """
        child = Fetcher(self._timer, self._loop)
        child._context = tls_context(tls, base)
        child._server_name = tls.server_name
        self._children.add(child)
        return child

    async def __call__(self, call: Call, ready: Callable[[], Awaitable[None]] | None = None) -> Reply:
        sent = False
        deadline = self._loop.time() + call.timeout
        try:
            async with asyncio.timeout_at(deadline):
                connection = await self._pool(call.url).open(min(_CONNECT_LIMIT, call.timeout), deadline)
                try:
                    if ready is not None:
                        await ready()
                    sent = connection.is_connected()
                    return await _converse(connection, call, self._loop.time())
                except BaseException:
                    connection.abort()
                    raise
        except TimeoutError:
            raise UpstreamTimeout(f"There was no whole answer within {call.timeout:g} s.", processed=sent) from None
        except OutriderError as error:
            error.processed = sent
            raise

    async def close(self) -> None:
        for child in list(self._children):
            await child.close()
        for pool in self._pools.values():
            await pool.close()

    def _pool(self, url: str) -> ConnectionPool:
        """One for each origin."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}/"
        pool = self._pools.get(origin)
        if pool is None:
            dialer = Dialer(origin, self._context, self._server_name, self._timer, self._loop)
            pool = self._pools[origin] = ConnectionPool(dialer, _CONNECTIONS, 0, self._loop, reuse=False)
        return pool


async def _converse(connection: UpstreamConnection, call: Call, now: float) -> Reply:
    exchange = Exchange(call.method, b"", (), b"", now)
    exchange.content = _Whole(call.content)
    # The call's own limit holds all of it, so that none of the steps needs one.
    response = await connection.ask(_head(call), exchange, Limits(0, 0, 0))
    try:
        content = await _whole(response)
    finally:
        response.close()
        connection.abort()
    return Reply(response.status, response.lines, content)


async def _whole(response: Response) -> bytes:
    content = bytearray()
    while piece := await response.content.read():
        content += piece
        if len(content) > CAP:
            raise UpstreamProtocolError(f"The answer is over {CAP} bytes.")
    return bytes(content)


def _head(call: Call) -> bytes:
    parts = urlsplit(call.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"{call.method} {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: close",
        "Accept-Encoding: identity",
        f"Content-Length: {len(call.content)}",
        *(f"{name}: {value}" for name, value in call.fields),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


class _Whole:
    """Content that is all there."""

    __slots__ = ("_data", "length")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length: int | None = len(data)

    def take(self) -> bytes:
        return self._data

    async def read(self) -> bytes:
        data, self._data = self._data, b""
        return data

    def proceed(self) -> None:
        return None
