"""Content that can be sent more than once: kept while the first attempt streams it from the caller.

Not a stage: what the stages that send a request again put in the place of its content. Each attempt reads from the
start; what earlier attempts have taken from the caller comes out of the spool, the rest from the caller. What must not
live here: deciding about another attempt, how bytes are kept (`proxy.stages.spool`).
"""

import asyncio

from proxy.errors import InternalError
from proxy.message import RequestContent, Response
from proxy.message.ending import when_ended
from proxy.stages.spool import Spool, SpoolCaps

__all__ = ["Replay", "WholeReplay", "again", "is_kept"]


class WholeReplay:
    """Content that had arrived already when it was asked for: `data` is all of it, and each attempt's."""

    __slots__ = ("_data", "_left", "_source", "length")
    replayable = True

    def __init__(self, source: RequestContent, data: bytes) -> None:
        self._source = source
        self.length = source.length
        self._data = self._left = data

    def attempt(self) -> RequestContent:
        self._left = self._data
        return self

    def take(self) -> bytes:
        self._left = b""
        return self._data

    async def read(self) -> bytes:
        left, self._left = self._left, b""
        return left

    def proceed(self) -> None:
        self._source.proceed()


class Replay:
    """The content of one request. `attempt` gives each attempt its reader; `settle` or `close` ends the keeping."""

    __slots__ = ("_idle", "_latest", "_reading", "_spool", "ended", "keeping", "position", "source")

    def __init__(self, source: RequestContent, caps: SpoolCaps) -> None:
        self.source = source
        self.position = 0
        self.ended = False
        # What is certainly too large is not kept at all.
        self.keeping = source.length is None or source.length <= caps.most
        self._spool: Spool | None = Spool(caps) if self.keeping else None
        self._reading = False
        self._idle: asyncio.Event | None = None
        self._latest: _Attempt | None = None

    @property
    def replayable(self) -> bool:
        """Whether another attempt could read all of it: what was taken from the caller, if anything, is kept."""
        return self._spool is not None or not (self.position or self.ended)

    def attempt(self) -> RequestContent:
        """The content from its start."""
        self._latest = _Attempt(self)
        return self._latest

    def settle(self, response: Response) -> None:
        """The answer is `response`, so there will be no other attempt; the last one may still be reading."""
        self.keeping = False
        if self._spool is not None:
            if self._latest is None or self._latest.position >= self.position:
                self.close()
            else:
                when_ended(response, self.close)

    def close(self) -> None:
        self.keeping = False
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def take(self) -> bytes | None:
        """All of it for an attempt at its start, when it is at hand in memory."""
        if self.ended:
            spool = self._spool
            return spool.whole() if spool is not None and spool.in_memory else None
        if self.position or self._reading:
            return None
        data = self.source.take()
        if data is not None:
            self.ended = True
            self._keep(data)
        return data

    async def read(self, position: int) -> bytes:
        """What comes at `position`; waits for the caller where that is beyond what is kept."""
        while position >= self.position:
            if self.ended:
                return b""
            if not self._reading:
                return await self._fetch()
            # An attempt that was given up has not left yet.
            if self._idle is None:
                self._idle = asyncio.Event()
            await self._idle.wait()
        if self._spool is None:
            raise InternalError("The request's content was not kept for another attempt.")
        try:
            return self._spool.read(position)
        except OSError:
            raise InternalError("The request's content cannot be read back from its temporary file.") from None

    async def _fetch(self) -> bytes:
        self._reading = True
        try:
            data = await self.source.read()
        finally:
            self._reading = False
            if self._idle is not None:
                self._idle.set()
                self._idle = None
        if data:
            self._keep(data)
        else:
            self.ended = True
        return data

    def _keep(self, data: bytes) -> None:
        self.position += len(data)
        if self._spool is not None and not (self.keeping and self._spool.add(data)):
            self.close()


class _Attempt:
    """The content as one attempt reads it."""

    __slots__ = ("_replay", "length", "position")

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self.length = replay.source.length
        self.position = 0

    def take(self) -> bytes | None:
        data = self._replay.take()
        if data is not None:
            self.position = self._replay.position
        return data

    async def read(self) -> bytes:
        data = await self._replay.read(self.position)
        self.position += len(data)
        return data

    def proceed(self) -> None:
        self._replay.source.proceed()

    def again(self) -> RequestContent | None:
        return self._replay.attempt() if self._replay.replayable else None

    @property
    def is_kept(self) -> bool:
        return self._replay.replayable


def is_kept(content: RequestContent) -> bool:
    """Whether `content`, an attempt's reader, can be read from its start once more."""
    return isinstance(content, WholeReplay) or (isinstance(content, _Attempt) and content.is_kept)


def again(content: RequestContent) -> RequestContent | None:
    """What `content` is an attempt's reader of, from its start for another attempt; None where it is not kept."""
    if isinstance(content, WholeReplay):
        return content.attempt()
    return content.again() if isinstance(content, _Attempt) else None
