"""A store whose place may be another one from now on: its sessions move along, and nobody renews one meanwhile.

A reload that names another folder must not bring a refresh token back that was used up long ago. What must not live
here: any place (`folder_store`, `MemoryStore`), when to move.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable

from proxy.auth.record import Record
from proxy.auth.store import SessionStore, StoreFailed

__all__ = ["MovingStore"]


class MovingStore:
    """Keeps records in `place`, which was made from `basis`."""

    __slots__ = ("_basis", "_place")

    def __init__(self, basis: object, place: SessionStore) -> None:
        self._basis = basis
        self._place = place

    @property
    def place(self) -> object:
        return self._place.place

    @contextlib.asynccontextmanager
    async def exclusive(self, profile: str) -> AsyncIterator[None]:
        while True:
            place = self._place
            async with place.exclusive(profile):
                if place is self._place:
                    yield
                    return
            # It has moved while the lock was waited for.

    async def load(self, profile: str) -> Record | None:
        return await self._place.load(profile)

    async def save(self, profile: str, record: Record) -> None:
        await self._place.save(profile, record)

    def version(self, profile: str) -> object:
        return id(self._place), self._place.version(profile)

    async def close(self) -> None:
        await self._place.close()

    async def move(self, basis: object, make: Callable[[], SessionStore], profiles: Iterable[str]) -> None:
        """To the place that `make` makes from `basis`, with the sessions of `profiles`; it stays where that is equal.

        A session that is there already stays where it is the newer one. Raises StoreFailed where one cannot be kept
        there, and then nothing has changed.
        """
        if basis == self._basis:
            return
        before, place = self._place, make()
        try:
            async with contextlib.AsyncExitStack() as held:
                # With another key alone the records are where they were, and so is their lock.
                for profile in sorted(profiles) if place.place != before.place else ():
                    if not await _is_held(before, profile, held):
                        continue
                    record = await _readable(before, profile)
                    if record is not None:
                        await _carry(record, profile, place)
                self._basis, self._place = basis, place
        except BaseException:
            await place.close()
            raise
        await before.close()


async def _is_held(store: SessionStore, profile: str, held: contextlib.AsyncExitStack) -> bool:
    """Whether nobody else renews it until `held` ends. A place that does not work is no reason to stay there."""
    try:
        await held.enter_async_context(store.exclusive(profile))
    except StoreFailed:
        return False
    return True


async def _readable(store: SessionStore, profile: str) -> Record | None:
    try:
        return await store.load(profile)
    except StoreFailed:
        return None


async def _carry(record: Record, profile: str, place: SessionStore) -> None:
    async with place.exclusive(profile):
        there = await _readable(place, profile)
        if there is None or _written(there) <= _written(record):
            await place.save(profile, record)


def _written(record: Record) -> float:
    return max(record.obtained_at, record.pending or 0.0)
