"""Which requests have a line in the log: by their end, a share of those that went well, and so many a second.

Requests that failed are not sampled, and have a limit of their own, so that no flood of others hides them. What must
not live here: how a line reads (`request_line`), where it goes (`sink`).
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from proxy.clock import Clock, wall
from proxy.config.log_model import Log
from proxy.errors import OutriderError
from proxy.message import Exchange
from proxy.observe.log import LOGGER, current_sink, event, writes_text
from proxy.observe.request_line import Ended, JsonLine, Peer, RequestLine, TextLine
from proxy.observe.sink import Sink

__all__ = ["RequestLog", "Visited", "open_request_log"]

_FAILED = 499
"""The least status that counts as a failure: the caller left, or the upstream or Outrider has a fault."""
_SECOND = 1.0


class _Message(Protocol):
    @property
    def path(self) -> str: ...


class Visited(Protocol):
    """What is told of a request that has ended; `sent` is bytes of content, `message.path` the target as it came."""

    @property
    def message(self) -> _Message: ...

    method: str
    request_id: bytes
    sent: int
    cut: bool
    error: OutriderError | None
    exchange: Exchange | None


class RequestLog:
    """`share()` in [0, 1) decides which of the successes are in the sample."""

    __slots__ = ("_failures", "_line", "_log", "_only_failures", "_sample", "_share", "_sink", "_successes", "_wall")

    def __init__(
        self,
        policy: Log,
        sink: Sink,
        line: RequestLine,
        loop: asyncio.AbstractEventLoop,
        wall: Clock = wall,
        share: Callable[[], float] = random.random,
    ) -> None:
        self._log = logging.getLogger(LOGGER)
        self._sink = sink
        self._line = line
        self._wall = wall
        self._only_failures = policy.requests == "errors"
        self._sample = policy.sample
        self._share = share
        most = policy.max_rate
        self._successes = _Limit(most, "went well", loop, self._log) if most else None
        self._failures = _Limit(most, "failed", loop, self._log) if most else None

    def note(self, visit: Visited, status: int, seconds: float, received: int, upstream: str) -> None:
        """A request has ended. `status` is what the caller got, `received` bytes of content; `upstream` is empty for a
        request that met none.
        """
        if visit.error is not None or visit.cut or status >= _FAILED:
            level = _failure_level(status)
            limit = self._failures
        elif self._only_failures or (self._sample < 1 and self._share() >= self._sample):
            return
        else:
            level = logging.INFO
            limit = self._successes
        # Not `isEnabledFor`: a logger's own level is all that this one has, and there is no third party to ask.
        if level < self._log.level:
            return
        now = self._wall()
        if limit is None or limit.admits(int(now)):
            attempts, upstream_seconds, more = None, 0.0, None
            exchange = visit.exchange
            if exchange is not None:
                attempts, upstream_seconds = exchange.attempts, exchange.first_byte
                if (
                    exchange.queued or exchange.auth_wait or exchange.caller or exchange.trace
                    or exchange.refreshed or exchange.coalesced or exchange.hedged
                ):  # fmt: skip
                    more = exchange
            # The values of an `Ended`.
            ended = (
                now, level, visit.method, visit.message.path, status, seconds, received, visit.sent, visit.request_id,
                upstream, visit.error, visit.cut, attempts, upstream_seconds, more,
            )  # fmt: skip
            self._sink.add(self._line, ended)

    def refused(self, error: OutriderError) -> None:
        """A connection was turned away before it was known what it asks for."""
        level = _failure_level(error.status)
        now = self._wall()
        if level >= self._log.level and (self._failures is None or self._failures.admits(int(now))):
            self._sink.add(self._line, Ended(now, level, "OTHER", "", error.status, 0.0, 0, 0, b"", error=error))


def _failure_level(status: int) -> int:
    return logging.WARNING if status >= 500 else logging.INFO


class _Limit:
    """So many lines a second; one line tells how many were left out."""

    __slots__ = ("_kind", "_left_out", "_log", "_loop", "_most", "_room", "_second")

    def __init__(self, most: int, kind: str, loop: asyncio.AbstractEventLoop, log: logging.Logger) -> None:
        self._most = self._room = most
        self._kind = kind
        self._loop = loop
        self._log = log
        self._second = -1
        self._left_out = 0

    def admits(self, second: int) -> bool:
        if second != self._second:
            self._second = second
            self._room = self._most
        if self._room:
            self._room -= 1
            return True
        if not self._left_out:
            self._loop.call_later(_SECOND, self._tell)
        self._left_out += 1
        return False

    def _tell(self) -> None:
        left_out, self._left_out = self._left_out, 0
        message = f"{left_out} lines of requests that {self._kind} were left out, past {self._most} a second"
        event(self._log, logging.WARNING, "log.limited", f"{message} (log.max_rate)", left_out=left_out)


def open_request_log(policy: Log, urls: Mapping[str, str], loop: asyncio.AbstractEventLoop) -> RequestLog | None:
    """None where no request has a line, or this process writes no log. `urls` are the upstreams' by name."""
    sink = current_sink()
    if sink is None or policy.requests == "none":
        return None
    sink.start(loop)
    peers = {name: _peer(url) for name, url in urls.items()}
    return RequestLog(policy, sink, TextLine() if writes_text() else JsonLine(peers), loop)


def _peer(url: str) -> Peer:
    parts = urlsplit(url)
    return Peer(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
