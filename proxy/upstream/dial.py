"""Opens connections with aiohttp's connector: name resolution and its cache, happy eyeballs, TLS.

This is the one module that leans on the connector's inner workings, and so the reason for the pin on aiohttp's minor
version: a `TCPConnector` makes its protocols with `_factory`, which is replaced here by ours, and `connect` answers
with a handle whose `protocol` is what the factory made. `tests/upstream/test_dial.py` holds it to that. What must not
live here: pooling of connections that were used (`pool`).
"""

import asyncio
import ssl
from functools import partial
from typing import cast

import aiohttp
from yarl import URL

from proxy.clock import NEVER, CoarseTimer
from proxy.upstream.connection import UpstreamConnection
from proxy.upstream.translate import translate_connect_error

__all__ = ["Dialer"]


class Dialer:
    """Opens connections to one upstream's origin."""

    __slots__ = ("_connector", "_request", "_verified")

    def __init__(
        self,
        url: str,
        context: ssl.SSLContext | None,
        server_name: str | None,
        timer: CoarseTimer,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._connector = aiohttp.TCPConnector(limit=0, loop=loop)
        self._connector._factory = cast(
            "partial[aiohttp.client_proto.ResponseHandler]", partial(UpstreamConnection, loop, timer)
        )
        self._request = aiohttp.ClientRequest(
            "GET", URL(url), loop=loop, ssl=True if context is None else context, server_hostname=server_name
        )

    async def dial(self, limit: float) -> UpstreamConnection:
        """A new connection within `limit` seconds (NEVER for no limit). Raises UpstreamError."""
        try:
            timeout = aiohttp.ClientTimeout(connect=None if limit == NEVER else limit)
            handle = await self._connector.connect(self._request, [], timeout)
        except (TimeoutError, aiohttp.ClientError, OSError, ssl.SSLError) as error:
            raise translate_connect_error(error, limit) from None
        connection = cast(UpstreamConnection, handle.protocol)
        connection.owner = handle
        return connection

    def forget(self, connection: UpstreamConnection) -> None:
        """Give a connection that has ended back to the connector's books."""
        if isinstance(connection.owner, aiohttp.connector.Connection):
            connection.owner.close()
            connection.owner = None

    async def close(self) -> None:
        await self._connector.close()
