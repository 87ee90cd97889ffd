"""The contract that every store keeps; what is particular to the folder is in its own file."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.auth.folder_store import FolderStore
from proxy.auth.moving_store import MovingStore
from proxy.auth.record import Record
from proxy.auth.store import MemoryStore, SessionStore
from proxy.secret import Secret
from tests.auth.sealers import KEY, sealer

RECORD = Record("seed", "form", Secret("access"), Secret("refresh"), 100.0, 160.0, rotates=True)


@pytest.fixture(params=["memory", "folder", "encrypted folder", "moving"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SessionStore:
    if request.param == "moving":
        return MovingStore("anywhere", MemoryStore())
    if request.param == "memory":
        return MemoryStore()
    return FolderStore(tmp_path / "state", sealer=sealer(KEY) if "encrypted" in request.param else None)


async def save(store: SessionStore, record: Record, profile: str = "p") -> None:
    async with store.exclusive(profile):
        await store.save(profile, record)


async def test_what_was_never_saved_is_not_there(store: SessionStore) -> None:
    assert await store.load("p") is None


async def test_what_was_saved_is_loaded(store: SessionStore) -> None:
    await save(store, RECORD)
    assert await store.load("p") == RECORD


async def test_the_last_save_counts(store: SessionStore) -> None:
    await save(store, RECORD)
    last = replace(RECORD, refresh=Secret("next"), pending=5.0, rotates=None)
    await save(store, last)
    assert await store.load("p") == last


async def test_profiles_do_not_meet(store: SessionStore) -> None:
    await save(store, RECORD, "one")
    assert await store.load("two") is None
    assert await store.load("one.json") is None


async def test_a_save_shows_in_the_version(store: SessionStore) -> None:
    before = store.version("p")
    assert store.version("p") == before
    await save(store, RECORD)
    after = store.version("p")
    assert after != before
    assert store.version("p") == after


async def test_only_one_at_a_time_is_in_the_exclusive_block(store: SessionStore) -> None:
    inside, most = 0, 0

    async def enter() -> None:
        nonlocal inside, most
        async with store.exclusive("p"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(enter() for _ in range(10)))
    assert most == 1


async def test_another_profile_is_not_kept_out(store: SessionStore) -> None:
    async with store.exclusive("one"), asyncio.timeout(5), store.exclusive("two"):
        await store.save("two", RECORD)


async def test_a_waiter_that_is_cancelled_leaves_the_lock_to_the_next(store: SessionStore) -> None:
    async with store.exclusive("p"):

        async def wait() -> None:
            async with store.exclusive("p"):
                pass

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait((waiting,))
    async with asyncio.timeout(5), store.exclusive("p"):
        await store.save("p", RECORD)


async def test_a_failure_inside_frees_the_lock(store: SessionStore) -> None:
    with pytest.raises(LookupError):
        async with store.exclusive("p"):
            raise LookupError
    async with asyncio.timeout(5), store.exclusive("p"):
        await store.save("p", RECORD)
