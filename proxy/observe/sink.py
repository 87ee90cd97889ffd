"""Where log lines go: gathered for a moment, made together, then written by a thread of their own.

What a line tells is taken at the request's end and made a line some dozens at a time: only the first of them finds
what makes lines outside the processor's caches. That spares about a quarter of what a line costs under load.

A full disk or a reader that has stopped must not hold up the event loop, nor may lines pile up without end: past a cap
they are left out, and a line tells how many. What must not live here: what a line says.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TextIO, TypeVar

__all__ = ["Sink"]

T = TypeVar("T")
Pending = tuple[Callable[[Any], str], Any]
"""What makes a line, and of what."""

_PAUSE = 0.05
"""Seconds for which lines are gathered."""
_MADE_TOGETHER = 64
"""Lines; few enough that making them does not hold up the requests that are under way."""
_WRITTEN_TOGETHER = 2**18
"""Characters."""
_CAP = 8 * 2**20
_PATIENCE = 2.0
"""Seconds that the last lines are given to be written."""


class Sink:
    """Writes lines, in order, to `stream`; at once until `start` and after `stop`.

    `lost` makes the line of a loss, `broken` that of a line whose making failed.
    """

    def __init__(self, stream: TextIO, lost: Callable[[int], str], broken: Callable[[Exception], str]) -> None:
        self._stream = stream
        self._lost = lost
        self._broken = broken
        self._pending: deque[Pending] = deque()
        self._made: list[str] = []
        self._made_size = 0
        # Lines may be said in the middle of all this, by whatever the garbage collector ends just then.
        self._lock = threading.RLock()
        self._flushing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._outbox: SimpleQueue[str | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._waiting = 0
        self._left_out = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Gather lines from now on, in this loop."""
        if loop is not self._loop:
            # That of another loop may never tick.
            self._timer = None
        self._loop = loop
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_all, name="outrider-log", daemon=True)
            self._thread.start()

    def add(self, make: Callable[[T], str], what: T) -> None:
        """A line that may wait a moment, made of `what`. Only from the loop's own thread."""
        self._pending.append((make, what))
        if self._timer is None:
            if self._loop is None:
                self.flush()
            else:
                self._timer = self._loop.call_later(_PAUSE, self._tick)
        elif len(self._pending) >= _MADE_TOGETHER:
            self.flush(_WRITTEN_TOGETHER)

    def say(self, line: str) -> None:
        """A line that is written now, after those before it. From any thread."""
        self._pending.append((str, line))
        self.flush()

    def flush(self, least: int = 1) -> None:
        """Make lines of what was gathered, and hand them over if they are `least` characters."""
        with self._lock:
            if self._flushing:
                # Further out on this very stack, where what was said meanwhile is taken along.
                return
            self._flushing = True
            try:
                while self._pending or self._made_size >= least:
                    self._make()
                    if self._made_size >= least:
                        text, self._made, self._made_size = "".join(self._made), [], 0
                        self._hand_over(text)
            finally:
                self._flushing = False

    def _make(self) -> None:
        lines = []
        # Others may add meanwhile; what is there now is taken out one by one, and nothing is lost between.
        for _ in range(len(self._pending)):
            make, what = self._pending.popleft()
            try:
                lines.append(make(what))
            except Exception as error:
                # A defect in one line must not cost the others, nor reach the request whose line set this off.
                lines.append(self._broken(error))
        made = "".join(lines)
        self._made.append(made)
        self._made_size += len(made)

    def stop(self) -> None:
        """Write everything that is left, for at most two seconds, and lines at once from now on."""
        self.flush()
        self._loop = self._timer = None
        thread, self._thread = self._thread, None
        if thread is not None:
            with self._lock:
                if self._left_out:
                    self._put(self._told_of_loss())
            self._outbox.put(None)
            thread.join(_PATIENCE)

    def _tick(self) -> None:
        self._timer = None
        self.flush()

    def _hand_over(self, text: str) -> None:
        if self._thread is None:
            self._write(text)
        elif self._waiting >= _CAP:
            self._left_out += text.count("\n")
        else:
            if self._left_out:
                text = self._told_of_loss() + text
            self._put(text)

    def _put(self, text: str) -> None:
        self._waiting += len(text)
        self._outbox.put(text)

    def _told_of_loss(self) -> str:
        left_out, self._left_out = self._left_out, 0
        return self._lost(left_out)

    def _write_all(self) -> None:
        while (text := self._outbox.get()) is not None:
            self._write(text)
            with self._lock:
                self._waiting -= len(text)

    def _write(self, text: str) -> None:
        # A log that cannot be written has nowhere to say so, and must not end what it tells of.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()
