"""Authenticate: takes the profile's current credential for each attempt, and replaces one that was not accepted, once.

Stands outside the transport so that waiting for a credential holds no connection. No credential, no request. What must
not live here: how a credential is obtained (`proxy.auth`) or written into a head (`proxy.policy.outgoing`), and which
answers mean that it was not accepted (`proxy.policy.unauthorized`).
"""

import asyncio
from collections.abc import Coroutine
from typing import Generic, Protocol, TypeVar, runtime_checkable

from proxy.clock import NEVER, Clock
from proxy.config.unauthorized_model import Unauthorized
from proxy.errors import DeadlineExceeded
from proxy.message import Exchange, RequestContent, Response, Stage
from proxy.message.exchange import Injection
from proxy.policy.unauthorized import UnauthorizedRules
from proxy.stages.peek import means_refusal
from proxy.stages.replay import Replay, WholeReplay, again, is_kept
from proxy.stages.spool import SpoolCaps

__all__ = ["Authenticate", "Credential"]

T = TypeVar("T")
I = TypeVar("I", bound=Injection)  # noqa: E741 - one letter, as type variables are
J = TypeVar("J", covariant=True)


class Credential(Protocol[I]):
    """What the stage asks of a credential source; `proxy.auth.source` says what each verb promises."""

    def peek(self, now: float) -> I | None: ...
    async def current(self) -> I: ...
    def may_refresh(self, rejected: I) -> bool: ...
    def reject(self, rejected: I) -> None: ...
    async def refresh(self, rejected: I) -> I | None: ...
    def replayed(self, injection: I, *, accepted: bool) -> None: ...


@runtime_checkable
class _Renewing(Protocol[J]):
    """A credential that is renewed now and then."""

    async def settled(self) -> J: ...


@runtime_checkable
class _Challenged(Protocol):
    """A credential that an upstream may want proven in another way, which is no refusal of it."""

    def challenged(self, response: Response) -> bool:
        """Whether the answer asks for that, and there is another way now."""


_CHALLENGES = (401,)
_USUAL = UnauthorizedRules(Unauthorized())


class Authenticate(Generic[I]):
    """Puts the credential on the exchange, unless the caller asked for none. `caps` bound the content it keeps itself,
    where no stage around it does."""

    __slots__ = ("_caps", "_challenged", "_clock", "_next", "_rules", "_settled", "_source", "_suspects")

    def __init__(
        self,
        source: Credential[I],
        clock: Clock,
        caps: SpoolCaps,
        inner: Stage,
        rules: UnauthorizedRules = _USUAL,
    ) -> None:
        self._source = source
        self._clock = clock
        self._caps = caps
        self._next = inner
        self._rules = rules
        self._challenged = source.challenged if isinstance(source, _Challenged) else None
        self._suspects = rules.suspects if self._challenged is None else {*rules.suspects, *_CHALLENGES}
        self._settled = source.settled if isinstance(source, _Renewing) else None

    async def send(self, exchange: Exchange) -> Response:
        if not exchange.wants_auth:
            return await self._next.send(exchange)
        held = self._source.peek(self._clock())
        injection: I = held if held is not None else await self._awaited(exchange, self._source.current())
        content = exchange.content
        if content is not None and self._settled is not None and _is_large(content, self._caps):
            # So that its token does not end, nor is replaced, while it is being sent.
            injection = await self._awaited(exchange, self._settled())
        exchange.injection = injection
        if content is not None and not is_kept(content) and self._may_be_repeated(injection):
            whole = content.take()
            if whole is None:
                return await self._send_streamed(exchange, injection, Replay(content, self._caps))
            exchange.content = content = WholeReplay(content, whole).attempt()
        response = await self._next.send(exchange)
        if response.status in self._suspects:
            return await self._judged(exchange, content, injection, response)
        return response

    async def _send_streamed(self, exchange: Exchange, injection: I, replay: Replay) -> Response:
        settled = False
        try:
            exchange.content = content = replay.attempt()
            response = await self._next.send(exchange)
            if response.status in self._suspects:
                response = await self._judged(exchange, content, injection, response)
            exchange.replayable = replay.replayable
            replay.settle(response)
            settled = True
            return response
        finally:
            if not settled:
                replay.close()

    async def _judged(
        self, exchange: Exchange, content: RequestContent | None, injection: I, response: Response
    ) -> Response:
        """The answer, of a suspect status, or that of a further attempt.

        `content` is what this stage sent: stages further in may have read it ahead, and put that in its place.
        """
        response = await self._challenge_answered(exchange, content, injection, response)
        if response.status not in self._suspects or not await self._is_refused(exchange, response):
            return response
        return await self._once_more(exchange, content, injection, response)

    async def _challenge_answered(
        self, exchange: Exchange, content: RequestContent | None, injection: I, response: Response
    ) -> Response:
        """Where the upstream wants the same credential proven in another way: what it says to that, once."""
        if self._challenged is None or not self._challenged(response) or not _is_repeatable(content):
            return response
        response.close()
        exchange.injection = injection
        if content is not None:
            exchange.content = again(content)
        return await self._next.send(exchange)

    async def _once_more(
        self, exchange: Exchange, content: RequestContent | None, rejected: I, response: Response
    ) -> Response:
        """The same request with another credential, of whatever method: what was not authorised was not acted on."""
        source = self._source
        if not source.may_refresh(rejected):
            return response
        if not _is_repeatable(content):
            # Too large to be sent twice; the next request need not fail for it.
            source.reject(rejected)
            return response
        whole = response.content.complete
        if not whole:
            # Nothing is held while waiting for a token. What is here as a whole holds nothing, and may be the answer.
            response.close()
        fresh = await self._awaited(exchange, source.refresh(rejected))
        if fresh is None and whole:
            return response
        exchange.refreshed = fresh is not None
        exchange.injection = injection = rejected if fresh is None else fresh
        if content is not None:
            exchange.content = again(content)
        response = await self._next.send(exchange)
        if response.status in self._suspects:
            response = await self._challenge_answered(exchange, content, injection, response)
        refused = response.status in self._suspects and await self._is_refused(exchange, response)
        source.replayed(injection, accepted=not refused)
        return response

    def _may_be_repeated(self, injection: I) -> bool:
        return self._challenged is not None or self._source.may_refresh(injection)

    async def _is_refused(self, exchange: Exchange, response: Response) -> bool:
        """Whether the answer, of a suspect status, means that the credential was not accepted."""
        if self._challenged is not None and self._challenged(response):
            return False
        rules = self._rules
        if rules.by_head(response.status, response.lines):
            return True
        if exchange.method == "HEAD" or response.tunnel is not None:
            return False
        judge = rules.judge(response.status, response.lines, response.content.length)
        return judge is not None and await means_refusal(response, judge)

    async def _awaited(self, exchange: Exchange, waiting: Coroutine[None, None, T]) -> T:
        began = self._clock()
        try:
            return await _within(exchange.deadline, waiting)
        finally:
            exchange.auth_wait += self._clock() - began


def _is_repeatable(content: RequestContent | None) -> bool:
    return content is None or is_kept(content)


def _is_large(content: RequestContent, caps: SpoolCaps) -> bool:
    return content.length is None or content.length > caps.memory


async def _within(deadline: float, waiting: Coroutine[None, None, T]) -> T:
    """Raises DeadlineExceeded."""
    if deadline == NEVER:
        return await waiting
    try:
        async with asyncio.timeout_at(deadline):
            return await waiting
    except TimeoutError:
        detail = "The request's deadline passed while its credential was being fetched."
        raise DeadlineExceeded(detail, processed=False) from None
