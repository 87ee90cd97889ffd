"""What is kept in an encrypted folder, and what is said where a key does not fit."""

from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.auth.folder_store import FolderStore
from proxy.auth.record import Record
from proxy.auth.store import StoreFailed
from proxy.secret import Secret
from tests.auth.sealers import KEY, OTHER_KEY, sealer

RECORD = Record("seed", "form", Secret("kanarie-access"), Secret("kanarie-refresh"), 100.0, 160.0, rotates=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


async def save(store: FolderStore, profile: str = "p") -> None:
    async with store.exclusive(profile):
        await store.save(profile, RECORD)


async def enter(store: FolderStore) -> None:
    async with store.exclusive("p"):
        pass


async def test_no_token_and_no_fingerprint_can_be_read_from_the_file(folder: Path) -> None:
    await save(FolderStore(folder, sealer=sealer(KEY)))
    content = (folder / "p.json").read_text()
    assert not any(word in content for word in ("kanarie", "seed", "access_token"))


async def test_what_was_kept_in_the_clear_is_read_and_written_anew(folder: Path) -> None:
    await save(FolderStore(folder))
    store = FolderStore(folder, sealer=sealer(KEY))
    assert await store.load("p") == RECORD
    await enter(store)
    assert "kanarie" not in (folder / "p.json").read_text()
    assert await store.load("p") == RECORD


async def test_an_earlier_key_is_not_needed_any_more_once_the_new_one_was_used(folder: Path) -> None:
    await save(FolderStore(folder, sealer=sealer(OTHER_KEY)))
    await enter(FolderStore(folder, sealer=sealer(KEY, OTHER_KEY)))
    assert await FolderStore(folder, sealer=sealer(KEY)).load("p") == RECORD


async def test_another_key_is_a_clear_error_that_changes_nothing(folder: Path) -> None:
    await save(FolderStore(folder, sealer=sealer(OTHER_KEY)))
    before = (folder / "p.json").read_bytes()
    store = FolderStore(folder, sealer=sealer(KEY))
    await enter(store)
    with pytest.raises(StoreFailed, match=r"another key \(.{8}\) than those of state.key"):
        await store.load("p")
    assert (folder / "p.json").read_bytes() == before


async def test_without_a_key_the_error_names_the_option(folder: Path) -> None:
    await save(FolderStore(folder, sealer=sealer(KEY)))
    with pytest.raises(StoreFailed, match=r"encrypted, and there is no state\.key"):
        await FolderStore(folder).load("p")


async def test_a_file_in_another_profiles_place_is_not_taken(folder: Path) -> None:
    store = FolderStore(folder, sealer=sealer(KEY))
    await save(store, "p")
    (folder / "p.json").rename(folder / "q.json")
    with pytest.raises(StoreFailed, match="damaged or exchanged"):
        await store.load("q")


@pytest.mark.parametrize("damage", [lambda text: text[:-20], lambda text: text.replace('"sealed":', '"other":')])
async def test_a_damaged_file_is_refused(folder: Path, damage: Callable[[str], str]) -> None:
    store = FolderStore(folder, sealer=sealer(KEY))
    await save(store)
    file = folder / "p.json"
    file.write_text(damage(file.read_text()))
    with pytest.raises(StoreFailed, match="damaged"):
        await store.load("p")


async def test_a_key_that_is_none_is_named_with_how_to_make_one(folder: Path) -> None:
    with pytest.raises(StoreFailed, match=r"state\.key is not 32 random bytes .*openssl rand"):
        await save(FolderStore(folder, sealer=sealer("correct horse battery staple")))
    assert not (folder / "p.json").exists()
