"""Content of a caller's for tests: comes in the pieces that the test gives it."""

import asyncio

__all__ = ["FedContent", "WholeRequest"]


class FedContent:
    """`feed` makes a piece arrive, `end` the end; or all of `pieces` are there at once, then the end."""

    def __init__(self, *pieces: bytes, length: int | None = None) -> None:
        self.length = length
        self.reads = 0
        self.proceeded = 0
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()
        for piece in pieces:
            self.feed(piece)
        if pieces:
            self.end()

    def feed(self, piece: bytes) -> None:
        self._arrived.put_nowait(piece)

    def end(self) -> None:
        self._arrived.put_nowait(b"")

    def take(self) -> bytes | None:
        return None

    async def read(self) -> bytes:
        self.reads += 1
        return await self._arrived.get()

    def proceed(self) -> None:
        self.proceeded += 1


class WholeRequest(FedContent):
    """Content that arrived with its head."""

    def __init__(self, data: bytes) -> None:
        super().__init__(length=len(data))
        self.data = data

    def take(self) -> bytes | None:
        return self.data
