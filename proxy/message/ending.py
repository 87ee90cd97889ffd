"""Tells whoever holds something for a response when it has ended: read to its end, failed, or closed.

What must not live here: what is held.
"""

import asyncio
from collections.abc import Callable

from proxy.message.content import ResponseContent
from proxy.message.response import Response
from proxy.message.tunnel import Tunnel

__all__ = ["when_ended"]


def when_ended(response: Response, callback: Callable[[], None]) -> None:
    """Call `callback` once, when nothing more comes of `response`; at once where all of it is here already."""
    if response.tunnel is not None:
        response.tunnel = _EndingTunnel(response.tunnel, callback)
    elif response.content.complete:
        callback()
    else:
        response.content = _EndingContent(response.content, callback)


class _EndingContent:
    """Content with something that is freed at its end."""

    __slots__ = ("_callback", "_inner", "length")

    def __init__(self, inner: ResponseContent, callback: Callable[[], None]) -> None:
        self._inner = inner
        self.length = inner.length
        self._callback: Callable[[], None] | None = callback

    @property
    def complete(self) -> bool:
        return self._inner.complete

    def take(self) -> bytes | None:
        data = self._inner.take()
        if data is not None:
            self._end()
        return data

    async def read(self) -> bytes:
        try:
            data = await self._inner.read()
        except asyncio.CancelledError:
            # Only this reader gave up: another may read on, and the last one closes.
            raise
        except BaseException:
            self._end()
            raise
        if not data:
            self._end()
        return data

    def close(self) -> None:
        self._inner.close()
        self._end()

    def _end(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class _EndingTunnel:
    """A tunnel with something that is freed when it is closed."""

    __slots__ = ("_callback", "_inner", "protocol")

    def __init__(self, inner: Tunnel, callback: Callable[[], None]) -> None:
        self._inner = inner
        self._callback: Callable[[], None] | None = callback
        self.protocol = inner.protocol

    async def read(self) -> bytes:
        return await self._inner.read()

    async def write(self, data: bytes) -> None:
        await self._inner.write(data)

    def finish(self) -> None:
        self._inner.finish()

    def close(self) -> None:
        self._inner.close()
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()
