"""Announces large content with `Expect: 100-continue`, so that an upstream can refuse it before it is sent.

Next to the transport. An upstream that does not answer the announcement costs the wait for it, and is not asked again
for a while. What must not live here: the wait itself (`proxy.upstream.upload`).
"""

from proxy.clock import Clock
from proxy.message import Exchange, RequestContent, Response, Stage
from proxy.stages.replay import again, is_kept
from proxy.upstream.upload import CONTINUE_WAIT

__all__ = ["Announce"]

_SILENT_FOR = 600.0
"""Seconds for which an upstream that ignores announcements, or does not like them, gets none."""
_EXPECTATION_FAILED = 417


class Announce:
    """Announces content of at least `least` bytes, or of unknown length, to `inner`. `clock` is monotonic."""

    __slots__ = ("_clock", "_least", "_next", "_quiet_until")

    def __init__(self, least: int, clock: Clock, inner: Stage) -> None:
        self._least = least
        self._clock = clock
        self._next = inner
        self._quiet_until = float("-inf")

    async def send(self, exchange: Exchange) -> Response:
        content, now = exchange.content, self._clock()
        large = content is not None and (content.length is None or content.length >= self._least)
        if content is None or not large or exchange.expects_continue or now < self._quiet_until:
            return await self._next.send(exchange)
        announced = exchange.content = _Announced(content, self, now)
        exchange.expects_continue = True
        try:
            response = await self._next.send(exchange)
        finally:
            exchange.expects_continue = False
            exchange.content = content
        if response.status != _EXPECTATION_FAILED:
            return response
        return await self._unannounced(exchange, content, response, begun=announced.begun)

    async def _unannounced(
        self, exchange: Exchange, content: RequestContent, response: Response, *, begun: bool
    ) -> Response:
        """Once more without (RFC 9110 §10.1.1): the caller did not ask for it."""
        self._quiet_until = self._clock() + _SILENT_FOR
        if begun:
            if not is_kept(content):
                return response
            exchange.content = again(content)
        response.close()
        return await self._next.send(exchange)

    def heard(self, since: float) -> None:
        """The content is on its way: because the upstream wants it, or because the wait is over."""
        now = self._clock()
        if now - since >= CONTINUE_WAIT:
            self._quiet_until = now + _SILENT_FOR


class _Announced:
    """Content that tells when it is asked for."""

    __slots__ = ("_inner", "_since", "_stage", "begun", "length")

    def __init__(self, inner: RequestContent, stage: Announce, since: float) -> None:
        self._inner = inner
        self._stage = stage
        self._since = since
        self.length = inner.length
        self.begun = False

    def take(self) -> bytes | None:
        data = self._inner.take()
        self.begun = self.begun or data is not None
        return data

    async def read(self) -> bytes:
        self.begun = True
        return await self._inner.read()

    def proceed(self) -> None:
        self._stage.heard(self._since)
        self._inner.proceed()
