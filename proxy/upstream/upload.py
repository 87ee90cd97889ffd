"""Sends a request's content while its answer may already be coming.

Runs as a task of its own, and only for content that has not arrived with its head. What must not live here: what the
caller's side does with its content (`RequestContent`).
"""

import asyncio
from typing import TYPE_CHECKING

from proxy.errors import OutriderError
from proxy.message import RequestContent
from proxy.upstream.framing import LAST_CHUNK, chunk

if TYPE_CHECKING:
    from proxy.upstream.connection import UpstreamConnection

__all__ = ["Upload"]

CONTINUE_WAIT = 1.0
"""Seconds to wait for a `100 Continue` before sending all the same (RFC 9110 §10.1.1 leaves the figure open)."""


class Upload:
    """`done` once all of the content has been handed to the connection."""

    __slots__ = ("_connection", "_content", "_continue", "_task", "done")

    def __init__(
        self,
        connection: "UpstreamConnection",
        content: RequestContent,
        *,
        waits: bool,
        ready: bytes | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.done = False
        self._connection = connection
        self._content = content
        self._continue: asyncio.Future[None] | None = loop.create_future() if waits else None
        self._task = loop.create_task(self._run(ready))

    def proceed(self) -> None:
        """The upstream wants the content."""
        if self._continue is not None and not self._continue.done():
            self._continue.set_result(None)

    def cancel(self) -> None:
        self._task.cancel()

    async def _run(self, ready: bytes | None) -> None:
        connection, content = self._connection, self._content
        try:
            if self._continue is not None:
                await asyncio.wait((self._continue,), timeout=CONTINUE_WAIT)
            content.proceed()
            chunked = content.length is None
            piece = ready or await content.read()
            while piece:
                await connection.write(chunk(piece) if chunked else piece)
                piece = await content.read()
            if chunked:
                await connection.write(LAST_CHUNK)
        except OutriderError as error:
            connection.fail(error)
            return
        self.done = True
        connection.request_sent()
