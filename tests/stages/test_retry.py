import asyncio
import random
from collections.abc import Callable

import pytest

from proxy.errors import (
    DeadlineExceeded,
    OutriderError,
    UpstreamConnectFailed,
    UpstreamDisconnected,
    UpstreamProtocolError,
)
from proxy.message import Exchange, Response
from proxy.observe.tally import UpstreamTally
from proxy.policy.budget import RetryBudget
from proxy.policy.idempotency import IdempotencyKeys
from proxy.policy.retry import REASONS, Pace, repeatable_methods
from proxy.stages.retry import Retry, RetryRules
from proxy.stages.spool import SpoolCaps
from tests.stages.contents import FedContent

Outcome = int | Response | OutriderError
NOW = 1000.0


class Upstream:
    """The next stage: answers with these outcomes in turn, the last one for ever, and keeps what it was asked."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.keys: list[bytes | None] = []
        self.contents: list[bytes] = []

    @property
    def calls(self) -> int:
        return len(self.keys)

    async def send(self, exchange: Exchange) -> Response:
        exchange.attempts += 1
        self.keys.append(exchange.get(b"idempotency-key"))
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if exchange.content is not None:
            whole = b""
            while piece := await exchange.content.read():
                whole += piece
            self.contents.append(whole)
        if isinstance(outcome, OutriderError):
            raise outcome
        return answer(outcome) if isinstance(outcome, int) else outcome


class Closing:
    """The content of an answer; tells whether it was closed."""

    length: int | None = None
    complete = False
    closed = False

    def take(self) -> bytes | None:
        return None

    async def read(self) -> bytes:
        return b""

    def close(self) -> None:
        self.closed = True


def answer(status: int, *lines: bytes) -> Response:
    return Response(status, b"", list(lines), Closing())


def get(method: str = "GET", *fields: tuple[bytes, bytes], content: FedContent | None = None) -> Exchange:
    exchange = Exchange(method, b"/", list(fields), b"id", NOW)
    exchange.content = content
    return exchange


class Setting:
    """A retry stage over `upstream`; its waits are recorded, not made."""

    def __init__(
        self,
        upstream: Upstream,
        *,
        attempts: int = 3,
        methods: tuple[str, ...] = (),
        make: Callable[[], str] | None = None,
        least: int = 3,
    ) -> None:
        self.waits: list[float] = []
        self.stuck = False
        self.tally = UpstreamTally()
        self.tally.count_retries(REASONS)
        self.budget = RetryBudget(0.2, least, lambda: NOW)
        rules = RetryRules(
            attempts,
            repeatable_methods(methods),
            IdempotencyKeys("Idempotency-Key", make),
            Pace(0.25, 10.0, 60.0, random.uniform),
            self.budget,
            SpoolCaps(100, 1000),
        )
        self.stage = Retry(rules, self.tally, lambda: NOW, lambda: NOW, upstream, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if self.stuck:
            await asyncio.Event().wait()

    async def status(self, exchange: Exchange) -> int:
        response = await self.stage.send(exchange)
        return response.status


async def test_an_answer_that_is_fine_is_passed_on_at_once() -> None:
    upstream = Upstream(200)
    assert await Setting(upstream).status(get()) == 200
    assert upstream.calls == 1


async def test_a_failure_is_followed_by_another_attempt_and_its_answer_wins() -> None:
    upstream = Upstream(503, UpstreamDisconnected("x"), 200)
    setting = Setting(upstream)
    assert await setting.status(get()) == 200
    assert {why: count for why, count in setting.tally.retries.items() if count} == {"503": 1, "disconnected": 1}
    assert 0 <= setting.waits[0] <= 0.25
    assert 0 <= setting.waits[1] <= 0.5


@pytest.mark.parametrize("attempts", [1, 2, 3, 7])
async def test_the_attempts_are_counted_with_the_first(attempts: int) -> None:
    upstream = Upstream(503)
    assert await Setting(upstream, attempts=attempts).status(get()) == 503
    assert upstream.calls == attempts


async def test_the_last_failure_is_the_answer() -> None:
    last = UpstreamDisconnected("the last")
    with pytest.raises(UpstreamDisconnected, match="the last"):
        await Setting(Upstream(502, UpstreamDisconnected("x"), last)).stage.send(get())


async def test_an_error_that_is_final_is_not_tried_again() -> None:
    for error in (UpstreamProtocolError("x"), DeadlineExceeded("x")):
        upstream = Upstream(error)
        with pytest.raises(type(error)):
            await Setting(upstream).stage.send(get())
        assert upstream.calls == 1


async def test_the_answer_of_a_failed_attempt_is_closed_before_the_next_and_the_last_is_not() -> None:
    failed, last = answer(503), answer(503)
    setting = Setting(Upstream(failed, last), attempts=2)
    assert await setting.stage.send(get()) is last
    assert isinstance(failed.content, Closing)
    assert failed.content.closed
    assert isinstance(last.content, Closing)
    assert not last.content.closed


async def test_a_caller_may_turn_it_off() -> None:
    upstream = Upstream(503)
    exchange = get()
    exchange.wants_retry = False
    assert await Setting(upstream).status(exchange) == 503
    assert upstream.calls == 1


@pytest.mark.parametrize("outcome", [500, 502, 503, 504, 408, 429, 409, UpstreamDisconnected("x")])
async def test_a_plain_post_is_never_repeated(outcome: Outcome) -> None:
    upstream = Upstream(outcome, 200)
    setting = Setting(upstream)
    if isinstance(outcome, int):
        assert await setting.status(get("POST")) == outcome
    else:
        with pytest.raises(UpstreamDisconnected):
            await setting.stage.send(get("POST"))
    assert upstream.calls == 1


async def test_a_post_that_never_reached_the_wire_is_tried_again() -> None:
    assert await Setting(Upstream(UpstreamConnectFailed("x"), 200)).status(get("POST")) == 200


@pytest.mark.parametrize("status", [429, 503])
async def test_a_post_that_is_told_when_to_come_back_is_tried_again_then(status: int) -> None:
    setting = Setting(Upstream(answer(status, b"Retry-After: 7"), 200))
    assert await setting.status(get("POST")) == 200
    assert 7 <= setting.waits[0] <= 10.5


async def test_a_date_says_when_to_come_back_too() -> None:
    setting = Setting(Upstream(answer(503, b"Retry-After: Thu, 01 Jan 1970 00:17:10 GMT"), 200))
    assert await setting.status(get()) == 200
    assert 30 <= setting.waits[0] <= 45


async def test_an_upstream_that_asks_for_too_much_patience_is_the_answer() -> None:
    upstream = Upstream(answer(503, b"Retry-After: 61"), 200)
    assert await Setting(upstream).status(get()) == 503
    assert upstream.calls == 1


async def test_a_post_of_a_route_that_says_so_is_repeated() -> None:
    assert await Setting(Upstream(503, 200), methods=("POST",)).status(get("POST")) == 200


@pytest.mark.parametrize("status", [409, 503])
async def test_a_post_with_the_callers_key_is_repeated_with_that_key(status: int) -> None:
    upstream = Upstream(status, 200)
    exchange = get("POST", (b"Idempotency-Key", b"mine"))
    assert await Setting(upstream, make=lambda: "made").status(exchange) == 200
    assert upstream.keys == [b"mine", b"mine"]


async def test_another_payload_under_a_known_key_is_the_answer() -> None:
    upstream = Upstream(422, 200)
    assert await Setting(upstream).status(get("POST", (b"Idempotency-Key", b"mine"))) == 422
    assert upstream.calls == 1


async def test_an_empty_key_is_no_key() -> None:
    upstream = Upstream(503, 200)
    assert await Setting(upstream, make=lambda: "made").status(get("POST", (b"idempotency-key", b" "))) == 503
    assert upstream.calls == 1


async def test_a_key_is_made_once_per_request_and_kept_on_each_attempt() -> None:
    numbers = iter(range(10))
    upstream = Upstream(503, 503, 200, 200)
    setting = Setting(upstream, make=lambda: f"made-{next(numbers)}")
    assert await setting.status(get("POST")) == 200
    assert await setting.status(get("PATCH")) == 200
    assert await setting.status(get("GET")) == 200
    assert upstream.keys == [b"made-0"] * 3 + [b"made-1", None]


async def test_a_conflict_without_a_key_is_the_answer() -> None:
    upstream = Upstream(409, 200)
    assert await Setting(upstream).status(get("PUT")) == 409
    assert upstream.calls == 1


async def test_a_wait_that_would_pass_the_deadline_is_not_begun() -> None:
    upstream = Upstream(answer(503, b"Retry-After: 5"), 200)
    exchange = get()
    exchange.deadline = NOW + 4
    setting = Setting(upstream)
    assert await setting.status(exchange) == 503
    assert (upstream.calls, setting.waits) == (1, [])


async def test_a_budget_without_room_leaves_the_first_failure_as_the_answer() -> None:
    upstream = Upstream(503)
    setting = Setting(upstream, least=0)
    assert await setting.status(get()) == 503
    assert (upstream.calls, setting.tally.budget_exhausted) == (1, 1)


async def test_the_budget_gets_back_what_was_taken() -> None:
    setting = Setting(Upstream(503))
    for _ in range(5):
        await setting.status(get())
    assert setting.budget.in_flight == 0
    assert setting.tally.budget_exhausted == 0


@pytest.mark.parametrize("waits", [True, False], ids=["while it waits", "while it is asked again"])
async def test_a_cancelled_request_gives_its_permit_back(waits: bool) -> None:
    class Stuck(Upstream):
        async def send(self, exchange: Exchange) -> Response:
            if self.calls and not waits:
                await asyncio.Event().wait()
            return await super().send(exchange)

    setting = Setting(Stuck(503))
    setting.stuck = waits
    task = asyncio.ensure_future(setting.stage.send(get()))
    while not setting.budget.in_flight:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert setting.budget.in_flight == 0


async def test_every_attempt_sends_the_whole_content() -> None:
    upstream = Upstream(503, UpstreamDisconnected("x"), 200)
    exchange = get("PUT", content=FedContent(b"one", b"two" * 100))
    assert await Setting(upstream).status(exchange) == 200
    assert upstream.contents == [b"one" + b"two" * 100] * 3
    assert exchange.replayable


async def test_content_over_the_cap_is_sent_once_and_marked() -> None:
    upstream = Upstream(503, 200)
    setting = Setting(upstream)
    exchange = get("PUT", content=FedContent(b"a" * 600, b"b" * 600))
    assert await setting.status(exchange) == 503
    assert (upstream.calls, exchange.replayable, setting.tally.not_replayable) == (1, False, 1)
