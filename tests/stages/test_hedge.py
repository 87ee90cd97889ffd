"""The race between a call and its hedge."""

import asyncio

import pytest

from proxy.errors import UpstreamDisconnected, UpstreamTimeout
from proxy.message import Exchange, Response
from proxy.policy.latency import Latency
from proxy.stages.hedge import Hedge
from tests.stages.contents import WholeRequest
from tests.stages.next_stage import NextStage, exchange, failure, settle

AFTER = 0.005


class Allowance:
    """A budget of so many hedges."""

    in_flight = 1

    def __init__(self, left: int = 100) -> None:
        self.left = left
        self.taken = 0

    def take(self, requests: int) -> bool:
        assert requests == self.in_flight
        if self.left:
            self.left -= 1
            self.taken += 1
            return True
        return False

    def give_back(self) -> None:
        self.left += 1


def hedged(budget: Allowance | None = None, after: float | None = AFTER) -> tuple[Hedge, NextStage, Allowance]:
    inner, budget = NextStage(), budget or Allowance()
    return Hedge(after, Latency(0.95), budget, budget, asyncio.get_running_loop(), inner), inner, budget


async def until_hedged(inner: NextStage, count: int = 2) -> None:
    async with asyncio.timeout(5):
        while len(inner.calls) < count:
            await asyncio.sleep(0.001)


async def race(
    made: Exchange | None = None,
) -> "tuple[asyncio.Task[Response], Exchange, NextStage, Allowance]":
    """A request whose hedge has just been sent."""
    stage, inner, budget = hedged()
    made = made or exchange()
    task = asyncio.create_task(stage.send(made))
    await until_hedged(inner)
    return task, made, inner, budget


async def test_a_quick_answer_has_no_hedge() -> None:
    stage, inner, _ = hedged()
    made = exchange()
    task = asyncio.create_task(stage.send(made))
    await settle()
    inner.calls[0].answer()
    await task
    await asyncio.sleep(4 * AFTER)
    assert len(inner.calls) == 1
    assert (made.hedged, made.attempts) == (False, 1)


async def test_the_hedge_wins_when_the_first_call_is_stuck() -> None:
    task, made, inner, budget = await race()
    inner.calls[1].answer(201)
    assert (await task).status == 201
    await settle()
    assert inner.calls[0].cancelled
    assert (made.hedged, made.attempts) == (True, 2)
    assert (budget.taken, budget.left) == (1, 100)


async def test_the_first_call_wins_when_it_is_first() -> None:
    task, made, inner, budget = await race()
    inner.calls[0].answer(202)
    assert (await task).status == 202
    await settle()
    assert inner.calls[1].cancelled
    assert (made.hedged, made.attempts) == (True, 2)
    assert budget.left == 100


async def test_there_is_at_most_one_hedge() -> None:
    task, _, inner, _ = await race()
    await asyncio.sleep(6 * AFTER)
    assert len(inner.calls) == 2
    inner.calls[0].answer()
    await task


async def test_each_call_has_its_own_credential_and_waits() -> None:
    task, made, inner, _ = await race()
    first, second = (call.exchange for call in inner.calls)
    assert first is made
    assert second is not made
    second.queued = 0.25
    inner.calls[1].answer()
    await task
    assert made.queued == 0.25


@pytest.mark.parametrize("loser", [0, 1])
async def test_an_answer_in_the_same_moment_as_the_winners_is_closed(loser: int) -> None:
    task, _, inner, _ = await race()
    inner.calls[1 - loser].answer(whole=False)
    inner.calls[loser].answer(whole=False)
    response = await task
    await settle()
    contents = {call.content for call in inner.calls}
    assert response.content in contents
    assert [content.closed for content in contents - {response.content}] == [True]
    assert not any(content.closed for content in contents & {response.content})


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_bad_answer_of_the_hedge_loses_and_the_first_call_goes_on(status: int) -> None:
    task, _, inner, budget = await race()
    inner.calls[1].answer(status, whole=False)
    await settle()
    assert inner.calls[1].content.closed
    assert not task.done()
    inner.calls[0].answer(200)
    assert (await task).status == 200
    assert budget.left == 100


async def test_a_failed_hedge_loses_and_the_first_call_goes_on() -> None:
    task, _, inner, _ = await race()
    inner.calls[1].fail(UpstreamTimeout("…"))
    await settle()
    inner.calls[0].answer(200)
    assert (await task).status == 200


async def test_the_hedge_saves_a_first_call_that_fails() -> None:
    task, _, inner, _ = await race()
    inner.calls[0].fail(UpstreamDisconnected("…"))
    await settle()
    inner.calls[1].answer(200)
    assert (await task).status == 200


async def test_the_hedge_saves_a_first_call_with_a_bad_answer_which_is_closed() -> None:
    task, _, inner, _ = await race()
    inner.calls[0].answer(503, whole=False)
    await settle()
    inner.calls[1].answer(200)
    assert (await task).status == 200
    assert inner.calls[0].content.closed


async def test_when_both_fail_the_first_failure_is_the_answer() -> None:
    task, _, inner, _ = await race()
    inner.calls[0].fail(UpstreamDisconnected("the first"))
    await settle()
    inner.calls[1].fail(UpstreamTimeout("the second"))
    assert (await failure(task)).detail == "the first"


async def test_when_both_answers_are_bad_the_first_is_the_answer() -> None:
    task, _, inner, _ = await race()
    inner.calls[0].answer(500, whole=False)
    await settle()
    inner.calls[1].answer(503, whole=False)
    response = await task
    assert response.status == 500
    assert (inner.calls[0].content.closed, inner.calls[1].content.closed) == (False, True)


async def test_a_failure_before_the_hedge_is_due_is_the_answer_at_once() -> None:
    stage, inner, _ = hedged()
    task = asyncio.create_task(stage.send(exchange()))
    await settle()
    inner.calls[0].fail(UpstreamDisconnected("…"))
    await failure(task)
    await asyncio.sleep(4 * AFTER)
    assert len(inner.calls) == 1


async def test_a_caller_that_leaves_ends_both_calls() -> None:
    task, _, inner, budget = await race()
    task.cancel()
    await settle()
    assert task.cancelled()
    assert [call.cancelled for call in inner.calls] == [True, True]
    assert budget.left == 100


async def test_a_caller_that_leaves_while_the_hedge_is_waited_for_closes_the_first_answer() -> None:
    task, _, inner, budget = await race()
    inner.calls[0].answer(503, whole=False)
    await settle()
    task.cancel()
    await settle()
    assert task.cancelled()
    assert inner.calls[0].content.closed
    assert inner.calls[1].cancelled
    assert budget.left == 100


@pytest.mark.parametrize("turns", range(6))
async def test_a_caller_that_leaves_as_the_hedge_wins_has_left(turns: int) -> None:
    task, _, inner, budget = await race()
    inner.calls[1].answer(whole=False)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,))
    await settle()
    # Either it was too late to leave, or everything is closed.
    assert task.cancelled() is inner.calls[1].content.closed
    assert inner.calls[0].cancelled
    assert budget.left == 100


@pytest.mark.parametrize("turns", range(6))
async def test_a_caller_that_leaves_as_the_hedge_saves_it_has_left(turns: int) -> None:
    task, _, inner, budget = await race()
    inner.calls[0].answer(503, whole=False)
    await settle()
    inner.calls[1].answer(whole=False)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,))
    await settle()
    assert task.cancelled() is inner.calls[1].content.closed
    assert inner.calls[0].content.closed
    assert budget.left == 100


async def test_a_task_that_the_hedge_has_won_can_be_cancelled_and_timed_as_any_other() -> None:
    stage, inner, _ = hedged()

    async def ask() -> str:
        answering = asyncio.get_running_loop().create_task(until_hedged(inner))
        answering.add_done_callback(lambda _: inner.calls[1].answer())
        await stage.send(exchange())
        current = asyncio.current_task()
        assert current is not None
        assert current.cancelling() == 0
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            return "timed out"
        return ""

    assert await ask() == "timed out"


async def test_nothing_is_sent_when_the_budget_is_spent() -> None:
    stage, inner, _ = hedged(Allowance(0))
    made = exchange()
    task = asyncio.create_task(stage.send(made))
    await settle()
    await asyncio.sleep(4 * AFTER)
    inner.calls[0].answer()
    await task
    assert len(inner.calls) == 1
    assert not made.hedged


async def test_a_call_that_waits_in_a_line_of_ours_is_not_hedged_yet() -> None:
    stage, inner, _ = hedged()
    inner.on_wire = False
    made = exchange()
    task = asyncio.create_task(stage.send(made))
    await asyncio.sleep(6 * AFTER)
    assert len(inner.calls) == 1
    made.attempts += 1  # now it is on the wire
    await until_hedged(inner)
    inner.calls[0].answer()
    await task


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PURGE"])
async def test_only_safe_methods_are_hedged(method: str) -> None:
    await _is_not_hedged(exchange(method))


async def test_a_request_with_content_is_not_hedged() -> None:
    made = exchange()
    made.content = WholeRequest(b"x")
    await _is_not_hedged(made)


async def test_an_upgrade_is_not_hedged() -> None:
    made = exchange()
    made.upgrade = b"websocket"
    await _is_not_hedged(made)


async def test_a_caller_that_wants_no_retries_gets_no_hedge() -> None:
    made = exchange()
    made.wants_retry = False
    await _is_not_hedged(made)


async def _is_not_hedged(made: Exchange) -> None:
    stage, inner, _ = hedged()
    task = asyncio.create_task(stage.send(made))
    await settle()
    await asyncio.sleep(4 * AFTER)
    inner.calls[0].answer()
    await task
    assert len(inner.calls) == 1


async def test_p95_hedges_nothing_until_it_knows_what_is_usual() -> None:
    stage, inner, _ = hedged(after=None)
    for number in range(20):
        task = asyncio.create_task(stage.send(exchange()))
        await asyncio.sleep(2 * AFTER if number == 0 else 0.001)
        inner.calls[-1].answer()
        await task
    assert len(inner.calls) == 20
    task = asyncio.create_task(stage.send(exchange()))
    await until_hedged(inner, 22)
    inner.calls[-1].answer()
    await task


async def test_waits_in_lines_of_ours_are_not_the_upstreams_latency() -> None:
    stage, inner, _ = hedged(after=None)
    for _ in range(20):
        made = exchange()
        task = asyncio.create_task(stage.send(made))
        await settle()
        made.queued = 3600.0
        inner.calls[-1].answer()
        await task
    assert stage._latency.value is not None
    assert stage._latency.value < 1.0
