"""Retry: sends a request again where that is safe and may help, and keeps its content for that.

Outside authenticate, so that every attempt takes the current credential. What must not live here: what is tried again
and when (`proxy.policy.retry`, `proxy.policy.budget`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from proxy.clock import Clock
from proxy.errors import UpstreamError
from proxy.message import Exchange, RequestContent, Response, Stage
from proxy.observe.tally import UpstreamTally
from proxy.policy.budget import RetryBudget
from proxy.policy.idempotency import IdempotencyKeys
from proxy.policy.retry import KEYED, RETRIED_STATUSES, TABLE, Pace, Reason, Repeatable, reason
from proxy.policy.retry_after import parse_retry_after
from proxy.stages.replay import Replay, WholeReplay
from proxy.stages.spool import SpoolCaps

__all__ = ["Retry", "RetryRules"]


@dataclass(frozen=True, slots=True)
class RetryRules:
    """`attempts` counts the first. `keys` is None where a key would not reach the upstream."""

    attempts: int
    methods: frozenset[str]
    keys: IdempotencyKeys | None
    pace: Pace
    budget: RetryBudget
    caps: SpoolCaps


class Retry:
    """`clock` is the loop's, `wall` is what dates in answers are compared with."""

    __slots__ = ("_attempts", "_clock", "_keys", "_next", "_rules", "_sleep", "_tally", "_wall")

    def __init__(
        self,
        rules: RetryRules,
        tally: UpstreamTally,
        clock: Clock,
        wall: Clock,
        inner: Stage,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rules = rules
        self._attempts = rules.attempts
        self._keys = rules.keys
        self._tally = tally
        self._clock = clock
        self._wall = wall
        self._next = inner
        self._sleep = sleep

    async def send(self, exchange: Exchange) -> Response:
        keyed = exchange.method in KEYED and self._keys is not None and self._keys.on(exchange)
        if self._attempts == 1 or not exchange.wants_retry:
            return await self._next.send(exchange)
        content, replay = exchange.content, None
        if content is not None:
            whole = content.take()
            if whole is None:
                return await self._send_streamed(exchange, content, keyed)
            exchange.content = replay = WholeReplay(content, whole)
        try:
            response = await self._next.send(exchange)
        except UpstreamError as error:
            return await self._again(exchange, error, keyed, replay)
        if response.status not in RETRIED_STATUSES:
            return response
        return await self._again(exchange, response, keyed, replay)

    async def _send_streamed(self, exchange: Exchange, content: RequestContent, keyed: bool) -> Response:
        replay = Replay(content, self._rules.caps)
        settled = False
        try:
            exchange.content = replay.attempt()
            outcome = await self._attempt(exchange)
            if isinstance(outcome, Response) and outcome.status not in RETRIED_STATUSES:
                response = outcome
            else:
                response = await self._again(exchange, outcome, keyed, replay)
            self._mark(exchange, replay)
            replay.settle(response)
            settled = True
            return response
        finally:
            if not settled:
                self._mark(exchange, replay)
                replay.close()

    async def _attempt(self, exchange: Exchange) -> Response | UpstreamError:
        try:
            return await self._next.send(exchange)
        except UpstreamError as error:
            return error

    async def _again(
        self, exchange: Exchange, outcome: Response | UpstreamError, keyed: bool, replay: Replay | WholeReplay | None
    ) -> Response:
        """Further attempts, until one succeeds or none may follow; then the last outcome as it is."""
        repeatable = Repeatable(exchange.method in self._rules.methods, keyed)
        permitted = False
        retry = 1
        try:
            while (decided := self._decide(exchange, outcome, repeatable, replay, retry)) and self._permits(permitted):
                why, wait = decided
                permitted = True
                self._tally.retries[why] += 1
                if isinstance(outcome, Response):
                    outcome.close()
                if wait:
                    await self._sleep(wait)
                if replay is not None:
                    exchange.content = replay.attempt()
                outcome = await self._attempt(exchange)
                retry += 1
        finally:
            if permitted:
                self._rules.budget.give_back()
        if isinstance(outcome, Response):
            return outcome
        try:
            raise outcome
        finally:
            # An error holds its frames, and this one would hold the error.
            del outcome

    def _decide(
        self,
        exchange: Exchange,
        outcome: Response | UpstreamError,
        repeatable: Repeatable,
        replay: Replay | WholeReplay | None,
        retry: int,
    ) -> tuple[Reason, float] | None:
        """Why the `retry`-th further attempt is made, and the seconds before; None when the outcome is the answer."""
        why = reason(outcome)
        if why is None or retry >= self._attempts:
            return None
        told = None
        if isinstance(outcome, Response):
            told = parse_retry_after(outcome.get(b"retry-after"), self._wall())
        if not repeatable.meets(TABLE[why], told is not None) or (replay is not None and not replay.replayable):
            return None
        wait = self._rules.pace.wait(retry, told)
        if wait is None or self._clock() + wait >= exchange.deadline:
            return None
        return why, wait

    def _permits(self, permitted: bool) -> bool:
        budget, requests = self._rules.budget, self._tally.in_flight
        granted = budget.extend(requests) if permitted else budget.take(requests)
        if not granted:
            self._tally.budget_exhausted += 1
        return granted

    def _mark(self, exchange: Exchange, replay: Replay) -> None:
        if not replay.replayable:
            exchange.replayable = False
            self._tally.not_replayable += 1
