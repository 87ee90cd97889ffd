"""A person at the admin listener: asks, changes, and follows events as a browser does."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.peers.caller import Answer, Caller

__all__ = ["Admin", "Events"]

CONFIRMED = b"Outrider-Admin: 1"


class Events:
    """An open stream of server-sent events, read strictly."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._text = b""
        self.comments: list[str] = []

    async def next(self) -> tuple[str, dict[str, Any]]:
        """The next event: its kind and its data, whose `id` agrees with the stream's where it has one."""
        while True:
            while b"\n\n" not in self._text:
                piece = await self._caller.chunk()
                if not piece:
                    raise EOFError
                self._text += piece
            block, _, self._text = self._text.partition(b"\n\n")
            if block.startswith(b":"):
                self.comments.append(block.decode())
                continue
            fields = dict(line.split(": ", 1) for line in block.decode().split("\n"))
            data = json.loads(fields["data"])
            assert "id" not in fields or int(fields["id"]) == data["id"]
            return fields["event"], data

    async def until(self, kind: str) -> dict[str, Any]:
        while True:
            found, data = await self.next()
            if found == kind:
                return data


class Admin:
    """Asks the admin listener at `port`. `lines` go with every request."""

    def __init__(self, port: int, *lines: bytes) -> None:
        self.port = port
        self.lines = lines

    async def ask(self, method: bytes, path: str, *lines: bytes, content: bytes = b"") -> Answer:
        async with await Caller.connect(self.port) as caller:
            if content:
                lines = (*lines, b"Content-Length: %d" % len(content))
            await caller.send(self._head(method, path, *lines) + content)
            return await caller.answer(method)

    async def get(self, path: str) -> Any:
        """The document at a path that answers 200."""
        answer = await self.ask(b"GET", path)
        assert answer.status == 200, answer
        return json.loads(answer.content)

    async def post(self, path: str, document: object = None) -> Answer:
        if document is None:
            return await self.ask(b"POST", path, CONFIRMED)
        content = json.dumps(document).encode()
        return await self.ask(b"POST", path, CONFIRMED, b"Content-Type: application/json", content=content)

    async def delete(self, path: str) -> Answer:
        return await self.ask(b"DELETE", path, CONFIRMED)

    @asynccontextmanager
    async def events(self, path: str = "/api/events", *lines: bytes) -> AsyncIterator[Events]:
        async with asyncio.timeout(20), await Caller.connect(self.port) as caller:
            await caller.send(self._head(b"GET", path, *lines))
            head = await caller.head()
            assert (head.status, head.get(b"content-type")) == (200, b"text/event-stream"), head
            yield Events(caller)

    def _head(self, method: bytes, path: str, *lines: bytes) -> bytes:
        start = b"%b %b HTTP/1.1" % (method, path.encode())
        return b"\r\n".join([start, b"Host: 127.0.0.1:%d" % self.port, *self.lines, *lines, b"", b""])
