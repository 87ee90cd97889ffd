"""The upstream's side of an upgraded connection: bytes as they come.

What must not live here: what the bytes mean.
"""

from typing import TYPE_CHECKING

from proxy.upstream.content import StreamedContent

if TYPE_CHECKING:
    from proxy.upstream.connection import UpstreamConnection

__all__ = ["UpstreamTunnel"]


class UpstreamTunnel:
    """`protocol` is the value of the upstream's `Upgrade` field."""

    __slots__ = ("_connection", "_content", "protocol")

    def __init__(self, connection: "UpstreamConnection", content: StreamedContent, protocol: bytes) -> None:
        self._connection = connection
        self._content = content
        self.protocol = protocol

    async def read(self) -> bytes:
        return await self._content.read()

    async def write(self, data: bytes) -> None:
        self._connection.touch()
        await self._connection.write(data)

    def finish(self) -> None:
        self._connection.finish_writing()

    def close(self) -> None:
        self._content.close()
        self._connection.abort()
