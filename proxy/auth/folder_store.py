"""Sessions in a folder: a file per profile that only its owner can read, and a lock that processes share.

A record is written beside its file, flushed, renamed into place, and the folder flushed, in a thread so that a slow
disk holds up no request. The lock is the kernel's, on a file that stays: whoever dies frees it. What must not live
here: what a record holds.
"""

import asyncio
import contextlib
import fcntl
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

from proxy.auth.record import Record, decode, encode
from proxy.auth.store import StoreFailed

__all__ = ["FolderStore"]

T = TypeVar("T")

_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW
_LARGEST = 2**20
_FIRST_POLL, _LONGEST_POLL = 0.005, 0.1
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Sealer(Protocol):
    """Encrypts what is kept. All of its verbs raise StoreFailed, but for the last."""

    async def seal(self, profile: str, content: bytes) -> bytes: ...
    async def open(self, profile: str, content: bytes) -> bytes:
        """As it was before it was sealed; what was never sealed as it is."""

    async def is_current(self, content: bytes) -> bool:
        """Whether it is sealed as it would be now."""

    async def close(self) -> None: ...


class FolderStore:
    """Keeps records in `folder`, which is made when it is missing. `patience` is how long the lock is waited for.

    With a `sealer` they are encrypted; those that are not, or with an earlier key, are written anew when they are first
    met within the lock.
    """

    __slots__ = ("_folder", "_met", "_patience", "_sealer")

    def __init__(self, folder: Path, patience: float = 60.0, sealer: Sealer | None = None) -> None:
        self._folder = folder
        self._patience = patience
        self._sealer = sealer
        self._met: set[str] = set()

    @property
    def place(self) -> object:
        return os.path.realpath(self._folder)

    @contextlib.asynccontextmanager
    async def exclusive(self, profile: str) -> AsyncIterator[None]:
        with self._told("locked"):
            self._prepare()
            descriptor = os.open(self._folder / f"{profile}.lock", _FLAGS | os.O_RDWR | os.O_CREAT, 0o600)
        try:
            await self._lock(descriptor, profile)
            if self._sealer is not None and profile not in self._met:
                await self._reseal(profile, self._sealer)
            yield
        finally:
            # Closing frees the lock. The file stays: to remove it would let two processes lock two files.
            os.close(descriptor)

    async def load(self, profile: str) -> Record | None:
        path = self._path(profile)
        with self._told("read"):
            content = await _in_thread(lambda: self._read(path))
        if content is None:
            return None
        if self._sealer is not None:
            content = await self._sealer.open(profile, content)
        try:
            return decode(content)
        except ValueError as error:
            raise StoreFailed(f"file {path} does not hold a session: {error}; remove it to begin a new one") from None

    async def save(self, profile: str, record: Record) -> None:
        content = encode(record)
        if self._sealer is not None:
            content = await self._sealer.seal(profile, content)
        with self._told("kept"):
            await _in_thread(lambda: self._write(self._path(profile), content))
        self._met.add(profile)

    async def close(self) -> None:
        if self._sealer is not None:
            await self._sealer.close()

    def version(self, profile: str) -> object:
        try:
            status = self._path(profile).stat(follow_symlinks=False)
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _path(self, profile: str) -> Path:
        return self._folder / f"{profile}.json"

    @contextlib.contextmanager
    def _told(self, done: str) -> Iterator[None]:
        """The system's errors in words for the operator."""
        try:
            yield
        except OSError as error:
            raise self._failed(done, error) from None

    def _prepare(self) -> None:
        """The folder, made where it is missing. Raises OSError, StoreFailed."""
        with contextlib.suppress(FileExistsError):
            self._folder.mkdir(mode=0o700)
        status = self._folder.stat()
        if not stat.S_ISDIR(status.st_mode):
            raise StoreFailed(f"state.dir {self._folder} is not a folder")
        if status.st_uid != os.geteuid():
            raise StoreFailed(f"state.dir {self._folder} belongs to another user; `chown` it, or name another folder")
        if status.st_mode & _OTHERS_WRITE:
            raise StoreFailed(f"state.dir {self._folder} can be written by group or others; `chmod 700` it")

    async def _reseal(self, profile: str, sealer: Sealer) -> None:
        path = self._path(profile)
        with contextlib.suppress(StoreFailed), self._told("kept"):
            # What is wrong is said by whoever loads it.
            content = await _in_thread(lambda: self._read(path))
            if content is not None and not await sealer.is_current(content):
                sealed = await sealer.seal(profile, await sealer.open(profile, content))
                await _in_thread(lambda: self._write(path, sealed))
            self._met.add(profile)

    async def _lock(self, descriptor: int, profile: str) -> None:
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + self._patience, _FIRST_POLL
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if loop.time() >= end:
                    raise StoreFailed(
                        f"another process has been renewing the session of {profile} for {self._patience:g} s"
                    ) from None
            except OSError as error:
                raise self._failed("locked", error) from None
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_POLL)

    def _failed(self, done: str, error: OSError) -> StoreFailed:
        reason = (error.strerror or "refused").lower()
        return StoreFailed(f"a session cannot be {done} in state.dir {self._folder}: {reason}")

    def _read(self, path: Path) -> bytes | None:
        try:
            descriptor = os.open(path, _FLAGS | os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        try:
            _check_file(path, os.fstat(descriptor))
            content = b""
            while len(content) <= _LARGEST and (piece := os.read(descriptor, _LARGEST)):
                content += piece
        finally:
            os.close(descriptor)
        return content

    def _write(self, path: Path, content: bytes) -> None:
        self._prepare()
        beside = path.with_name(f".{path.name}.new")
        # What a process that was killed has left; under the lock nobody else is writing.
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, _FLAGS | os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            try:
                while content:
                    content = content[os.write(descriptor, content) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            beside.rename(path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        _flush_folder(path.parent)


def _check_file(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise StoreFailed(f"file {path} is not a regular file")
    if status.st_uid != os.geteuid():
        raise StoreFailed(f"file {path} belongs to another user; `chown` it, or remove it to begin a new session")
    if status.st_mode & _OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        raise StoreFailed(f"file {path} is open to group or others (mode {mode:04o}); `chmod 600` it")


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _in_thread(work: Callable[[], T]) -> T:
    """Run to its end also when the waiter is cancelled: a lock must not be freed while something is being written."""
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait((future,))
        raise
