"""A secret in a file that something else may rewrite.

The file is small and local, so it is looked at and read in place: one stat at most once a second. A file that was
never good has no value; one that goes missing or bad after a good read keeps the last good value, since rotation by
hand passes through such states, and says so in `problem`. What must not live here: who asks, and when.
"""

import os
import stat
from pathlib import Path

from proxy.auth.changing_secret import ChangingSecret
from proxy.auth.secret_rules import MAX_SECRET, SecretUnavailable, accept_bytes
from proxy.clock import Clock
from proxy.secret import Secret

__all__ = ["LOOK_EVERY", "FileReader"]

LOOK_EVERY = 1.0
"""Seconds between two looks at the file."""

_OTHERS_READ = stat.S_IRGRP | stat.S_IROTH
_Signature = tuple[int, int, int, int, int]


class FileReader(ChangingSecret):
    """Follows one file. `lenient` accepts symbolic links and files that others can read, `lines` several lines."""

    __slots__ = ("_clock", "_lenient", "_lines", "_path", "_signature")

    def __init__(self, path: Path, clock: Clock, *, lenient: bool = False, lines: bool = False) -> None:
        super().__init__()
        self._path = path
        self._lines = lines
        self._clock = clock
        self._lenient = lenient
        self._signature: _Signature | None = None

    def peek(self, now: float) -> Secret | None:
        if now >= self.recheck_at:
            self.recheck_at = now + LOOK_EVERY
            self._look()
        return self._value

    async def read(self) -> Secret:
        value = self.peek(self._clock())
        if value is None:
            detail = self._unavailable.detail if self._unavailable else f"file {self._path} was not read"
            raise SecretUnavailable(detail, retry_after=LOOK_EVERY)
        return value

    async def close(self) -> None:
        """Nothing runs."""

    def _look(self) -> None:
        try:
            seen = _signature(self._path.stat(follow_symlinks=self._lenient))
            if seen == self._signature:
                self._unavailable = None
            else:
                value, self._signature = _read(self._path, lenient=self._lenient, lines=self._lines)
                self._take(value)
        except SecretUnavailable as unavailable:
            self._fail(unavailable)
        except OSError as error:
            # In a container, whose numbers of users are not those of whoever made the file.
            whom = f" for user {os.geteuid()}" if isinstance(error, PermissionError) else ""
            self._fail(SecretUnavailable(f"file {self._path} cannot be read: {error.strerror}{whom}"))
        except ValueError:
            self._fail(SecretUnavailable(f"{str(self._path)!r} is not a path that a file can have"))

    def _fail(self, unavailable: SecretUnavailable) -> None:
        # The signature stays that of the last good read, so a file in another state is read again at every look.
        self._unavailable = unavailable


def _read(path: Path, *, lenient: bool, lines: bool) -> tuple[Secret, _Signature]:
    """The value, with the signature from before it was read: a write meanwhile shows at the next look."""
    source = f"file {path}"
    if not lenient and path.is_symlink():
        raise SecretUnavailable(f"{source} is a symbolic link; name the file itself, or set `insecure: true`")
    # Non-blocking, so that a FIFO put in the file's place cannot stop the daemon; no-follow closes the race above.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if lenient else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SecretUnavailable(f"{source} is not a regular file")
        if not lenient and status.st_mode & _OTHERS_READ:
            mode = stat.S_IMODE(status.st_mode)
            raise SecretUnavailable(
                f"{source} can be read by group or others (mode {mode:04o}); `chmod 600` it, or set `insecure: true`"
            )
        return accept_bytes(_content(descriptor), source, lines=lines), _signature(status)
    finally:
        os.close(descriptor)


def _content(descriptor: int) -> bytes:
    """At most two bytes more than a secret may have: its line end, and one that shows that it is too long."""
    content = b""
    wanted = MAX_SECRET + 3
    while len(content) < wanted and (piece := os.read(descriptor, wanted - len(content))):
        content += piece
    return content


def _signature(status: os.stat_result) -> _Signature:
    """The change time is part of it because a change of mode, and a rewrite that keeps the times, show only there."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
