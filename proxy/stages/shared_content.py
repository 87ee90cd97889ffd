"""One answer's content, read by several callers as it arrives.

Nobody is at work here but the readers: whoever has taken everything and wants more reads from the upstream for all.
While the answer fits under the cap all of it is kept, so that others can still join from its beginning; past the cap
only what the slowest reader has not taken yet is kept, and nobody runs further ahead than the cap. A reader that takes
nothing for `PATIENCE` seconds while others wait for it is given up: its connection is cut, never ended.

What must not live here: which requests share an answer, and heads.
"""

import asyncio
import copy
from collections.abc import Callable

from proxy.errors import OutriderError, Overloaded, UpstreamDisconnected
from proxy.message import ResponseContent

__all__ = ["PATIENCE", "ByteBudget", "LentContent", "Reader", "SharedContent"]

PATIENCE = 10.0
"""Seconds for which the readers of an answer wait for one that takes nothing."""

_PIECE = 64 * 1024
"""The largest piece that is handed out, so that many readers do not each have a large one in their buffers."""

_OVERHEAD = 64
"""Bytes that a piece takes beside its own."""


class ByteBudget:
    """Bytes that all shared answers of a route may hold together."""

    __slots__ = ("total", "used")

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0

    def take(self, count: int) -> bool:
        """Whether there was room; the bytes are counted either way."""
        self.used += count
        return self.used <= self.total

    def give(self, count: int) -> None:
        self.used -= count


class LentContent:
    """Whole content whose bytes others hold, too: handed out in pieces, so that nobody's buffer copies all of it."""

    __slots__ = ("_at", "_data", "length")
    complete = True

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self.length: int | None = len(data)

    def take(self) -> bytes | None:
        return self._next() if len(self._data) <= _PIECE else None

    async def read(self) -> bytes:
        return self._next()

    def _next(self) -> bytes:
        piece = self._data[self._at : self._at + _PIECE]
        self._at += len(piece)
        return piece

    def close(self) -> None:
        self._data = b""


class SharedContent:
    """`source` as its readers read it, none of them further ahead of another than `cap` bytes.

    `on_closed` is called once, when nobody can join any more: it has ended, or is larger than the cap. `whole` is all
    of it, once it has ended well within the cap.
    """

    on_closed: Callable[[], None]

    __slots__ = (
        "_budget", "_cap", "_error", "_first", "_patience", "_pieces", "_pulling", "_readers", "_size",
        "_slowest", "_source", "_timer", "_waiters", "done", "length", "on_closed",
        "open",
    )  # fmt: skip

    def __init__(
        self,
        source: ResponseContent,
        cap: int,
        budget: ByteBudget,
        patience: float = PATIENCE,
    ) -> None:
        self.length = source.length
        self.open = True
        self.done = False
        self._source = source
        self._cap = cap
        self._budget = budget
        self.on_closed = _nothing
        self._patience = patience
        self._pieces: list[bytes] = []
        self._first = 0
        self._size = 0
        # How many readers have not taken the first piece that is held; counted once the answer has outgrown the cap.
        self._slowest = 0
        self._readers: set[Reader] = set()
        self._pulling = False
        self._error: OutriderError | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def size(self) -> int:
        """Bytes that are held."""
        return self._size

    @property
    def whole(self) -> bytes | None:
        return b"".join(self._pieces) if self.done and self._error is None and not self._first else None

    def join(self) -> "Reader":
        """Read from the beginning; only while `open`."""
        reader = Reader(self)
        self._readers.add(reader)
        return reader

    def piece(self, reader: "Reader") -> bytes | None:
        """What `reader` has not taken yet; `b""` at the end, None while it must wait. Raises OutriderError."""
        index = reader.at - self._first
        if index < len(self._pieces):
            reader.at += 1
            piece = self._pieces[index]
            if index == 0 and not self.open:
                self._advanced()
            return piece
        if self._error is not None:
            raise copy.copy(self._error)
        return b"" if self.done else None

    async def more(self) -> None:
        """Wait until there may be more: by reading it for all, or while somebody else does."""
        if self._pulling or self._is_full():
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
            return
        self._pulling = True
        try:
            data = await self._source.read()
        except OutriderError as error:
            self._end(error)
        else:
            if data:
                self._add(data)
            else:
                self._end(None)
        finally:
            # Also when this reader was cancelled: another one goes on.
            self._pulling = False
            self._wake()

    def leave(self, reader: "Reader") -> None:
        """The last one to leave gives the answer up."""
        present = reader in self._readers
        self._readers.discard(reader)
        if not self._readers:
            self._abandon()
        elif present and not self.open and reader.at == self._first:
            self._advanced()

    def _add(self, data: bytes) -> None:
        pieces = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)] if len(data) > _PIECE else [data]
        self._pieces += pieces
        added = _held(pieces)
        self._size += added
        fits = self._budget.take(added)
        if self.open and (not fits or self._size > self._cap):
            self._close()
            self._trim()

    def _end(self, error: OutriderError | None) -> None:
        self.done = True
        self._error = error
        self._source.close()
        self._stop_timer()
        self._close()

    def _abandon(self) -> None:
        if not self.done:
            self.done = True
            self._error = UpstreamDisconnected("Everybody who read this answer has left it.")
            self._source.close()
        self._stop_timer()
        self._close()
        self._budget.give(self._size)
        self._size = 0
        self._first += len(self._pieces)
        self._pieces.clear()
        self._wake()

    def _close(self) -> None:
        if self.open:
            self.open = False
            self.on_closed()

    def _advanced(self) -> None:
        """One reader fewer has the first piece to take yet."""
        self._slowest -= 1
        if self._slowest <= 0:
            self._trim()

    def _trim(self) -> None:
        """Forget what every reader has taken."""
        slowest = min((reader.at for reader in self._readers), default=self._first)
        self._slowest = sum(reader.at == slowest for reader in self._readers)
        count = slowest - self._first
        if not count:
            return
        freed = _held(self._pieces[:count])
        del self._pieces[:count]
        self._first = slowest
        self._size -= freed
        self._budget.give(freed)
        if self._waiters and not self._pulling:
            self._stop_timer()
            self._wake()

    def _is_full(self) -> bool:
        """Whether the slowest reader must take something first."""
        if self.open or not self._pieces or (self._size <= self._cap and self._budget.used <= self._budget.total):
            return False
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._patience, self._give_up, self._first)
        return True

    def _give_up(self, first: int) -> None:
        """Cut off who has taken nothing since the readers began to wait."""
        self._timer = None
        if all(waiter.done() for waiter in self._waiters):
            return
        for reader in [reader for reader in self._readers if reader.at == first]:
            reader.cut()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


def _nothing() -> None:
    return None


def _held(pieces: list[bytes]) -> int:
    return sum(map(len, pieces)) + _OVERHEAD * len(pieces)


class Reader:
    """One caller's view of a shared content."""

    __slots__ = ("_is_cut", "_shared", "at", "length")

    def __init__(self, shared: SharedContent) -> None:
        self.length = shared.length
        self.at = 0
        self._shared = shared
        self._is_cut = False

    @property
    def complete(self) -> bool:
        return self._shared.done

    def take(self) -> bytes | None:
        """Always piece by piece: what is small and whole is never shared in this way."""
        return None

    async def read(self) -> bytes:
        while True:
            if self._is_cut:
                raise Overloaded("This caller read a shared answer too slowly for the others.")
            piece = self._shared.piece(self)
            if piece is not None:
                return piece
            await self._shared.more()

    def cut(self) -> None:
        self._is_cut = True
        self._shared.leave(self)

    def close(self) -> None:
        self._shared.leave(self)
