"""What the breaker stage counts, and what it answers while the circuit is open."""

import asyncio

import pytest

from proxy.config.breaker_model import BreakerPolicy
from proxy.errors import (
    BadRequest,
    CircuitOpen,
    CredentialUnavailable,
    DeadlineExceeded,
    OutriderError,
    Overloaded,
    UpstreamConnectFailed,
    UpstreamDisconnected,
    UpstreamDnsFailed,
    UpstreamProtocolError,
    UpstreamTimeout,
    UpstreamTlsFailed,
)
from proxy.message import Exchange, Response
from proxy.policy.breaker import Breaker, Circuit
from proxy.stages.breaker import BreakerStage
from tests.stages.next_stage import NextStage, exchange, settle


class Answering:
    """Answers at once: with a status, or by raising."""

    def __init__(self, outcome: int | BaseException) -> None:
        self.outcome = outcome
        self.calls = 0
        self.on_wire = True

    async def send(self, exchange: Exchange) -> Response:
        self.calls += 1
        exchange.attempts += self.on_wire
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return Response(self.outcome, b"", [])


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def circuit() -> Breaker:
    return Breaker(BreakerPolicy.model_construct(min_calls=4, probes=2))


async def call(stage: BreakerStage, times: int = 1, made: Exchange | None = None) -> list[OutriderError | Response]:
    outcomes: list[OutriderError | Response] = []
    for _ in range(times):
        try:
            outcomes.append(await stage.send(made or exchange()))
        except OutriderError as error:
            outcomes.append(error)
    return outcomes


@pytest.mark.parametrize(
    "outcome",
    [
        500,
        502,
        503,
        504,
        *(
            error("…")
            for error in (
                UpstreamConnectFailed,
                UpstreamDnsFailed,
                UpstreamTlsFailed,
                UpstreamDisconnected,
                UpstreamProtocolError,
                UpstreamTimeout,
            )
        ),
    ],
    ids=str,
)
async def test_what_shows_a_sick_upstream_opens_the_circuit(outcome: int | OutriderError) -> None:
    breaker = circuit()
    await call(BreakerStage(breaker, Clock(), 0, Answering(outcome)), 4)
    assert breaker.circuit is Circuit.OPEN


@pytest.mark.parametrize(
    "outcome",
    [
        200,
        101,
        304,
        400,
        401,
        404,
        408,
        429,
        BadRequest("…"),
        Overloaded("…"),
        CredentialUnavailable("…"),
        DeadlineExceeded("…"),
    ],
    ids=str,
)
async def test_what_says_nothing_of_the_upstream_never_opens_it(outcome: int | OutriderError) -> None:
    breaker = circuit()
    await call(BreakerStage(breaker, Clock(), 0, Answering(outcome)), 40)
    assert breaker.circuit is Circuit.CLOSED


async def test_a_429_does_not_thin_out_the_failures() -> None:
    breaker, upstream = circuit(), Answering(429)
    stage = BreakerStage(breaker, Clock(), 0, upstream)
    await call(stage, 100)
    upstream.outcome = 500
    await call(stage, 4)
    assert breaker.circuit is Circuit.OPEN


async def test_the_routes_own_limit_that_passed_on_the_wire_is_a_failure() -> None:
    breaker, made = circuit(), exchange()
    made.deadline = made.started + 2.0
    await call(BreakerStage(breaker, Clock(), 2.0, Answering(DeadlineExceeded("…"))), 4, made)
    assert breaker.circuit is Circuit.OPEN


async def test_a_callers_own_short_deadline_is_not_the_upstreams_failure() -> None:
    breaker, made = circuit(), exchange()
    made.deadline = made.started + 0.001
    await call(BreakerStage(breaker, Clock(), 2.0, Answering(DeadlineExceeded("…"))), 40, made)
    assert breaker.circuit is Circuit.CLOSED


async def test_a_deadline_that_passed_before_the_wire_is_not_the_upstreams_failure() -> None:
    breaker, upstream, made = circuit(), Answering(DeadlineExceeded("…")), exchange()
    upstream.on_wire = False
    made.deadline = made.started + 2.0
    await call(BreakerStage(breaker, Clock(), 2.0, upstream), 40, made)
    assert breaker.circuit is Circuit.CLOSED


async def test_an_open_circuit_answers_without_a_call_and_says_when_to_come_back() -> None:
    breaker, upstream, clock = circuit(), Answering(500), Clock()
    stage = BreakerStage(breaker, clock, 0, upstream)
    await call(stage, 4)
    clock.now += 5
    (error,) = await call(stage)
    assert isinstance(error, CircuitOpen)
    assert error.retry_after == 10.0
    assert upstream.calls == 4


async def test_a_refused_probe_is_free_for_another_call() -> None:
    breaker, upstream, clock = circuit(), Answering(500), Clock()
    stage = BreakerStage(breaker, clock, 0, upstream)
    await call(stage, 4)
    clock.now += 15
    upstream.outcome = Overloaded("…")
    await call(stage, 20)
    assert upstream.calls == 24
    upstream.outcome = 200
    await call(stage, 2)
    assert breaker.circuit is Circuit.CLOSED


async def test_a_cancelled_probe_is_free_for_another_call() -> None:
    breaker, clock, upstream = circuit(), Clock(), NextStage()
    await call(BreakerStage(breaker, clock, 0, Answering(500)), 4)
    clock.now += 15
    stage = BreakerStage(breaker, clock, 0, upstream)
    probes = [asyncio.create_task(stage.send(exchange())) for _ in range(2)]
    await settle()
    assert isinstance((await call(stage))[0], CircuitOpen)
    for probe in probes:
        probe.cancel()
    await settle()
    again = [asyncio.create_task(stage.send(exchange())) for _ in range(2)]
    await settle()
    for waiting in upstream.calls[2:]:
        waiting.answer()
    await asyncio.gather(*again)
    assert breaker.circuit is Circuit.CLOSED


async def test_routes_with_one_breaker_share_the_circuit() -> None:
    breaker, healthy = circuit(), Answering(200)
    await call(BreakerStage(breaker, Clock(), 0, Answering(500)), 4)
    (error,) = await call(BreakerStage(breaker, Clock(), 0, healthy))
    assert isinstance(error, CircuitOpen)
    assert healthy.calls == 0
