"""Bytes kept in their order: in memory first, then in a temporary file, up to a cap.

The file has no name in its folder and is gone with the process. Writes go to the page cache from the loop's own
thread: a hand-over to another thread would cost more than the copy. The file grows in large steps, which spares the
file system most of the work of finding a place for each piece. What must not live here: where the bytes come from.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

__all__ = ["Spool", "SpoolCaps"]

_PIECE = 256 * 1024
_STEP = 8 * 2**20
_reserve = getattr(os, "posix_fallocate", None)
"""Not every system has it; there the file grows by each piece."""


@dataclass(frozen=True, slots=True)
class SpoolCaps:
    """Bytes kept in memory, bytes kept in all, and the folder of the file (None: the system's)."""

    memory: int
    file: int
    folder: Path | None = None

    @property
    def most(self) -> int:
        return max(self.memory, self.file)


class Spool:
    """`add` at the end, `read` anywhere. Once `add` has said no, or after `close`, nothing is kept any more."""

    __slots__ = ("_caps", "_file", "_pieces", "_reserved", "size")

    def __init__(self, caps: SpoolCaps) -> None:
        self._caps = caps
        self._pieces: list[bytes] = []
        self._file: BinaryIO | None = None
        self._reserved = 0
        self.size = 0

    @property
    def in_memory(self) -> bool:
        return self._file is None

    def add(self, data: bytes) -> bool:
        """Whether `data` is kept; when it is not, all is dropped: over the cap, or the disk does not take it."""
        size = self.size + len(data)
        if self._file is None and size <= self._caps.memory:
            self._pieces.append(data)
        elif size > self._caps.file or not self._write(data):
            self.close()
            return False
        self.size = size
        return True

    def whole(self) -> bytes:
        """Everything, while it is in memory."""
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""

    def read(self, position: int) -> bytes:
        """Some bytes from `position` on, at least one while that is below `size`. Raises OSError."""
        if self._file is None:
            return self.whole()[position : position + _PIECE]
        # The file is longer than what was written into it.
        return os.pread(self._file.fileno(), min(_PIECE, self.size - position), position)

    def close(self) -> None:
        """Drop everything. Repeats do nothing."""
        self._pieces = []
        self.size = 0
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _write(self, data: bytes) -> bool:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0, prefix="outrider-", dir=self._caps.folder)  # noqa: SIM115
                self._put(self.whole(), 0)
                self._pieces = []
            self._put(data, self.size)
        except OSError:
            return False
        return True

    def _put(self, data: bytes, position: int) -> None:
        assert self._file is not None
        file, end = self._file.fileno(), position + len(data)
        if end > self._reserved and _reserve is not None:
            step = max(end, min(self._reserved + _STEP, self._caps.file))
            _reserve(file, self._reserved, step - self._reserved)
            self._reserved = step
        left = memoryview(data)
        while left:
            written = os.pwrite(file, left, position)
            left = left[written:]
            position += written
