"""Where sessions are kept: what every store promises, and the one that keeps them in memory.

What must not live here: what is kept (`proxy.auth.record`), when (the suppliers).
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from proxy.auth.record import Record

__all__ = ["MemoryStore", "SessionStore", "StoreFailed"]


class StoreFailed(Exception):
    """A session cannot be read or kept. `detail` says what to do, and may be shown to callers."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class SessionStore(Protocol):
    """Keeps one record per profile. All of its verbs raise StoreFailed."""

    @property
    def place(self) -> object:
        """Equal for two that keep the same records."""

    def exclusive(self, profile: str) -> AbstractAsyncContextManager[None]:
        """For the length of the block nobody else, in any process, is in such a block for this profile."""

    async def load(self, profile: str) -> Record | None:
        """The record; None when there is none. Read anew each time: another process may have written it."""

    async def save(self, profile: str, record: Record) -> None:
        """Once this returns, the record survives the end of the process, where the store survives it at all.

        It is only called within `exclusive`; a save that fails leaves the earlier record in place.
        """

    def version(self, profile: str) -> object:
        """Something that differs once the record has been written again; cheap, and never raises."""

    async def close(self) -> None:
        """Stops what runs for it."""


class MemoryStore:
    """Keeps records as long as the process lives."""

    __slots__ = ("_locks", "_records", "_writes")

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._records: dict[str, Record] = {}
        self._writes: dict[str, int] = {}

    @property
    def place(self) -> object:
        return id(self)

    def exclusive(self, profile: str) -> AbstractAsyncContextManager[None]:
        return self._locks.setdefault(profile, asyncio.Lock())

    async def load(self, profile: str) -> Record | None:
        return self._records.get(profile)

    async def save(self, profile: str, record: Record) -> None:
        self._records[profile] = record
        self._writes[profile] = self._writes.get(profile, 0) + 1

    def version(self, profile: str) -> object:
        return self._writes.get(profile, 0)

    async def close(self) -> None:
        """Nothing runs."""
