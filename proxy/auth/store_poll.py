"""One timer that lets sessions notice what other processes have made of them, at no request's cost.

What must not live here: what is noticed (`proxy.auth.session`).
"""

import asyncio
from collections.abc import Iterable
from typing import Protocol

__all__ = ["StorePoll"]

EVERY = 0.5
"""Seconds."""


class Noticing(Protocol):
    def glance(self) -> None:
        """Look whether something has changed; costs a look at a small file at most."""


class StorePoll:
    """Calls `glance` of all of `sources` until it is closed. Without any there is no timer."""

    __slots__ = ("_handle", "_loop", "_sources")

    def __init__(self, loop: asyncio.AbstractEventLoop, sources: Iterable[Noticing]) -> None:
        self._loop = loop
        self._sources = tuple(sources)
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._sources and self._handle is None:
            self._handle = self._loop.call_later(EVERY, self._tick)

    def close(self) -> None:
        self._sources = ()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _tick(self) -> None:
        self._handle = None
        try:
            for source in self._sources:
                source.glance()
        finally:
            self.start()
