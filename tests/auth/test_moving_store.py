"""Moving to another place; what every store keeps is in `test_store`."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.auth.folder_store import FolderStore
from proxy.auth.moving_store import MovingStore
from proxy.auth.store import MemoryStore, StoreFailed
from tests.auth.sealers import KEY, OTHER_KEY, sealer
from tests.auth.test_store import RECORD, save


async def test_sessions_move_along(tmp_path: Path) -> None:
    store = MovingStore("memory", MemoryStore())
    await save(store, RECORD)
    await store.move("folder", lambda: FolderStore(tmp_path / "state"), ["p", "q"])
    assert await store.load("p") == RECORD
    assert await FolderStore(tmp_path / "state").load("p") == RECORD
    assert await store.load("q") is None


async def test_nothing_moves_where_the_place_is_the_same(tmp_path: Path) -> None:
    store = MovingStore("memory", MemoryStore())
    await save(store, RECORD)
    await store.move("memory", lambda: FolderStore(tmp_path / "state"), ["p"])
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(("seconds", "stays"), [(1, True), (-1, False)])
async def test_the_newer_of_two_sessions_stays(seconds: float, stays: bool) -> None:
    store, other = MovingStore("here", MemoryStore()), MemoryStore()
    there = replace(RECORD, obtained_at=RECORD.obtained_at + seconds)
    await save(store, RECORD)
    await save(other, there)
    await store.move("there", lambda: other, ["p"])
    assert await store.load("p") == (there if stays else RECORD)


async def test_another_key_finds_what_there_is_and_waits_for_nobody(tmp_path: Path) -> None:
    store = MovingStore("one", FolderStore(tmp_path, 0.05, sealer(KEY)))
    await save(store, RECORD)
    await store.move("two", lambda: FolderStore(tmp_path, 0.05, sealer(OTHER_KEY, KEY)), ["p"])
    async with store.exclusive("p"):
        assert await store.load("p") == RECORD


async def test_whoever_waits_for_its_turn_gets_it_where_the_session_is_now() -> None:
    other = MemoryStore()
    store = MovingStore("here", MemoryStore())
    order = []

    async def renew() -> None:
        async with store.exclusive("p"):
            order.append("renewed")
            await asyncio.sleep(0)
            await store.save("p", RECORD)

    async def move() -> None:
        await store.move("there", lambda: other, ["p"])
        order.append("moved")

    async with store.exclusive("p"):
        moving = asyncio.create_task(move())
        await asyncio.sleep(0)
        renewing = asyncio.create_task(renew())
        await asyncio.sleep(0)
        assert order == []
    await asyncio.gather(moving, renewing)
    assert order == ["moved", "renewed"]
    assert await other.load("p") == RECORD


async def test_a_place_that_cannot_keep_them_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    store = MovingStore("memory", MemoryStore())
    await save(store, RECORD)
    with pytest.raises(StoreFailed, match="is not a folder"):
        await store.move("folder", lambda: FolderStore(tmp_path / "state"), ["p"])
    assert await store.load("p") == RECORD
    async with store.exclusive("p"):
        await store.save("p", RECORD)


async def test_a_place_that_does_not_work_can_be_left(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("no folder")
    store = MovingStore("broken", FolderStore(tmp_path / "broken"))
    await store.move("folder", lambda: FolderStore(tmp_path / "state"), ["p"])
    await save(store, RECORD)
    assert await FolderStore(tmp_path / "state").load("p") == RECORD
