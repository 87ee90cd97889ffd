"""The folder on a real file system, with other processes."""

import asyncio
import errno
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from proxy.auth.folder_store import FolderStore
from proxy.auth.record import Record
from proxy.auth.store import StoreFailed
from proxy.secret import Secret

RECORD = Record("seed", "form", Secret("access"), Secret("refresh"), 100.0, 160.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(folder: Path) -> FolderStore:
    return FolderStore(folder)


async def save(store: FolderStore, record: Record = RECORD) -> None:
    async with store.exclusive("p"):
        await store.save("p", record)


async def test_the_folder_and_its_files_are_their_owners_alone(store: FolderStore, folder: Path) -> None:
    before = os.umask(0)
    try:
        await save(store)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "p.json": 0o600,
        "p.lock": 0o600,
    }


async def test_another_store_on_the_folder_reads_what_was_saved(store: FolderStore, folder: Path) -> None:
    await save(store)
    assert await FolderStore(folder).load("p") == RECORD


async def test_the_file_is_flushed_before_the_rename_and_the_folder_after(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_fsync(descriptor)

    def rename(path: Path, target: Path) -> Path:
        done.append("rename")
        return real_rename(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    await save(store)
    assert done == ["file", "rename", "folder"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT])
async def test_a_disk_that_takes_nothing_leaves_the_earlier_record_and_says_why(
    store: FolderStore, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    await save(store)

    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreFailed, match=os.strerror(number).lower()):
        await save(store, Record("other"))
    monkeypatch.undo()
    assert await store.load("p") == RECORD
    assert sorted(path.name for path in folder.iterdir()) == ["p.json", "p.lock"]


async def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFailed, match=r"state\.dir .*not a directory"):
        await save(FolderStore(tmp_path / "file" / "state"))


async def test_a_folder_that_others_write_is_refused(store: FolderStore, folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o770)
    with pytest.raises(StoreFailed, match="chmod 700"):
        await save(store)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_what_belongs_to_somebody_else_is_refused(store: FolderStore, folder: Path) -> None:
    await save(store)
    os.chown(folder / "p.json", 12345, 12345)
    with pytest.raises(StoreFailed, match=r"p\.json belongs to another user"):
        await store.load("p")
    os.chown(folder, 12345, 12345)
    with pytest.raises(StoreFailed, match=r"state belongs to another user"):
        await save(store)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
async def test_a_file_that_others_read_is_refused(store: FolderStore, folder: Path, mode: int) -> None:
    await save(store)
    (folder / "p.json").chmod(mode)
    with pytest.raises(StoreFailed, match="chmod 600"):
        await store.load("p")


async def test_a_symbolic_link_is_refused(store: FolderStore, folder: Path, tmp_path: Path) -> None:
    await save(store)
    (folder / "p.json").rename(tmp_path / "elsewhere")
    (folder / "p.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreFailed, match="cannot be read"):
        await store.load("p")


async def test_a_file_that_holds_no_session_is_refused_and_named(store: FolderStore, folder: Path) -> None:
    await save(store)
    (folder / "p.json").write_text("{}")
    with pytest.raises(StoreFailed, match=r"p\.json does not hold a session.*remove it"):
        await store.load("p")


async def test_what_a_killed_process_left_behind_is_no_obstacle(store: FolderStore, folder: Path) -> None:
    await save(store)
    (folder / ".p.json.new").write_text("half a reco")
    await save(store)
    assert await store.load("p") == RECORD


_HOLDS = """
import fcntl, os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


async def test_a_holder_that_is_killed_frees_the_lock(store: FolderStore, folder: Path) -> None:
    await save(store)
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _HOLDS, str(folder / "p.lock"), stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    with pytest.raises(StoreFailed, match="another process"):
        async with FolderStore(folder, patience=0.05).exclusive("p"):
            pass
    waiting = asyncio.create_task(save(store, Record("other")))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    holder.send_signal(signal.SIGKILL)
    await holder.wait()
    await asyncio.wait_for(waiting, 10)
    assert await store.load("p") == Record("other")


async def test_a_cancelled_save_is_finished_before_the_lock_is_free(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    writing, go_on = threading.Event(), threading.Event()
    real = os.fsync

    def slow(descriptor: int) -> None:
        writing.set()
        go_on.wait(10)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    saving = asyncio.create_task(save(store))
    await asyncio.get_running_loop().run_in_executor(None, writing.wait, 10)
    saving.cancel()
    await asyncio.sleep(0.02)
    assert not saving.done()
    go_on.set()
    await asyncio.wait((saving,))
    assert await store.load("p") == RECORD
