"""Permits: never more than the limit, never lost, given on in order."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import DeadlineExceeded, Overloaded, UpstreamDisconnected, UpstreamTimeout
from proxy.message import Exchange, Response
from proxy.policy.concurrency import AdaptiveLimit, Permits
from proxy.stages.concurrency import Adapting, Concurrency, Gate
from tests.stages.next_stage import NextStage, exchange, failure, settle


def limited(limit: int = 2, queue: int = 10, max_wait: float = 5.0) -> tuple[Concurrency, NextStage, Gate]:
    inner = NextStage()
    gate = Gate(Permits(limit), queue, max_wait, asyncio.get_running_loop())
    return Concurrency(gate, inner), inner, gate


async def begin(stage: Concurrency, count: int = 1, caller: str = "") -> "list[asyncio.Task[Response]]":
    tasks = [asyncio.create_task(stage.send(exchange(caller=caller))) for _ in range(count)]
    await settle()
    return tasks


async def test_no_more_than_the_limit_are_under_way() -> None:
    stage, inner, gate = limited(2)
    tasks = await begin(stage, 5)
    assert len(inner.calls) == 2
    for number in range(5):
        inner.calls[number].answer()
        await settle()
        assert gate.permits.in_use <= 2
    await asyncio.gather(*tasks)
    assert gate.permits.in_use == 0


async def test_those_who_wait_are_let_in_as_they_came() -> None:
    stage, inner, _ = limited(1)
    made = [exchange() for _ in range(4)]
    tasks = [asyncio.create_task(stage.send(one)) for one in made]
    for number in range(4):
        await settle()
        inner.calls[number].answer()
    await asyncio.gather(*tasks)
    assert [call.exchange for call in inner.calls] == made


async def test_a_caller_with_one_request_is_not_behind_all_of_anothers() -> None:
    stage, inner, _ = limited(1)
    tasks = await begin(stage, 6, "many") + await begin(stage, 1, "one")
    for number in range(7):
        inner.calls[number].answer()
        await settle()
    await asyncio.gather(*tasks)
    assert [call.exchange.caller for call in inner.calls].index("one") == 2


async def test_the_permit_is_held_until_the_content_has_ended() -> None:
    stage, inner, gate = limited(1)
    (first, second) = await begin(stage, 2)
    inner.calls[0].answer(whole=False)
    response = await first
    await settle()
    assert len(inner.calls) == 1
    await response.content.read()
    await settle()
    assert len(inner.calls) == 2
    inner.calls[1].answer(whole=False)
    (await second).close()
    assert gate.permits.in_use == 0


async def test_a_wait_is_told() -> None:
    stage, inner, _ = limited(1)
    waiting = exchange()
    (first,) = await begin(stage)
    second = asyncio.create_task(stage.send(waiting))
    await asyncio.sleep(0.02)
    inner.calls[0].answer()
    await settle()
    inner.calls[1].answer()
    await asyncio.gather(first, second)
    assert inner.calls[0].exchange.queued == 0
    assert waiting.queued >= 0.015


async def test_a_full_line_refuses_at_once() -> None:
    stage, inner, _ = limited(1, queue=2)
    tasks = await begin(stage, 4)
    error = await failure(tasks[3])
    assert isinstance(error, Overloaded)
    assert (error.stage, error.retry_after) == ("concurrency", 1.0)
    assert len(inner.calls) == 1
    for task in tasks:
        task.cancel()


async def test_no_wait_at_all_refuses_at_once() -> None:
    stage, _, _ = limited(1, max_wait=0)
    tasks = await begin(stage, 2)
    assert tasks[1].done()
    assert isinstance(await failure(tasks[1]), Overloaded)
    tasks[0].cancel()


async def test_who_has_waited_long_enough_is_refused() -> None:
    stage, _, gate = limited(1, max_wait=0.02)
    tasks = await begin(stage, 2)
    assert isinstance(await failure(tasks[1]), Overloaded)
    assert len(gate) == 0
    tasks[0].cancel()


async def test_a_deadline_ends_the_wait_as_what_it_is() -> None:
    stage, _, gate = limited(1)
    tasks = await begin(stage)
    late = exchange()
    late.deadline = late.started + 0.02
    error = await failure(asyncio.create_task(stage.send(late)))
    assert isinstance(error, DeadlineExceeded)
    assert not error.processed
    assert len(gate) == 0
    tasks[0].cancel()


async def test_a_failure_gives_the_permit_back() -> None:
    stage, inner, gate = limited(1)
    (task,) = await begin(stage)
    inner.calls[0].fail(UpstreamDisconnected("…"))
    await failure(task)
    assert gate.permits.in_use == 0


async def test_a_cancelled_call_gives_the_permit_back() -> None:
    stage, _, gate = limited(1)
    (task,) = await begin(stage)
    task.cancel()
    await settle()
    assert gate.permits.in_use == 0


async def test_who_leaves_the_line_takes_nothing_along() -> None:
    stage, inner, gate = limited(1)
    first, second, third = await begin(stage, 3)
    second.cancel()
    await settle()
    assert len(gate) == 1
    inner.calls[0].answer()
    await settle()
    inner.calls[1].answer()
    await asyncio.gather(first, third)
    assert gate.permits.in_use == 0


async def test_who_leaves_in_the_moment_of_being_let_in_passes_the_permit_on() -> None:
    stage, inner, gate = limited(1)
    first, second, third = await begin(stage, 3)
    inner.calls[0].answer(whole=False)
    (await first).close()  # the permit is the second's now, which has not run yet
    assert len(gate) == 1
    second.cancel()
    await settle()
    assert len(inner.calls) == 2
    inner.calls[1].answer()
    await third
    assert gate.permits.in_use == 0


class Answers:
    """Answers at once from the wire, with a status or by raising."""

    def __init__(self, outcome: int | BaseException) -> None:
        self.outcome = outcome

    async def send(self, exchange: Exchange) -> Response:
        exchange.attempts += 1
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return Response(self.outcome, b"", [])


def adapting(outcome: int | BaseException) -> tuple[Concurrency, Gate]:
    gate = Gate(Permits(100), 10, 5.0, asyncio.get_running_loop())
    moments = iter(range(1000))
    inner = Adapting(AdaptiveLimit(gate.permits, 1, 100), gate, lambda: float(next(moments)), 2.0, Answers(outcome))
    return Concurrency(gate, inner), gate


@pytest.mark.parametrize("outcome", [429, 503, UpstreamTimeout("…"), UpstreamDisconnected("…")], ids=str)
async def test_a_drop_shrinks_the_adaptive_limit(outcome: int | BaseException) -> None:
    stage, gate = adapting(outcome)
    await asyncio.gather(stage.send(exchange()), return_exceptions=True)
    assert gate.permits.limit == 9


@pytest.mark.parametrize("outcome", [200, 404, 500], ids=str)
async def test_an_answer_of_any_other_kind_does_not_shrink_it(outcome: int) -> None:
    stage, gate = adapting(outcome)
    await stage.send(exchange())
    assert gate.permits.limit == 10


@pytest.mark.parametrize(("allowed", "limit"), [(2.0, 9), (0.1, 10)], ids=["the route's", "the caller's"])
async def test_only_the_routes_own_limit_of_time_shrinks_it(allowed: float, limit: int) -> None:
    stage, gate = adapting(DeadlineExceeded("…"))
    made = exchange()
    made.deadline = made.started + allowed
    await asyncio.gather(stage.send(made), return_exceptions=True)
    assert gate.permits.limit == limit


async def test_a_limit_that_grows_lets_the_next_one_in() -> None:
    inner = NextStage()
    gate = Gate(Permits(100), 10, 5.0, asyncio.get_running_loop())
    limit = AdaptiveLimit(gate.permits, 1, 2)
    gate.permits.limit = 1  # as after a drop
    stage = Concurrency(gate, Adapting(limit, gate, asyncio.get_running_loop().time, 0.0, inner))
    tasks = await begin(stage, 2)
    inner.calls[0].answer(whole=False)
    response = await tasks[0]
    await settle()
    assert len(inner.calls) == 2
    inner.calls[1].answer()
    await tasks[1]
    response.close()
    assert gate.permits.in_use == 0


Steps = st.lists(
    st.tuples(
        st.sampled_from(["begin", "begin", "answer", "stream", "fail", "cancel", "close", "run"]), st.integers(0, 50)
    ),
    max_size=60,
)


@settings(max_examples=60)
@given(Steps, st.integers(1, 4), st.integers(0, 6))
def test_whatever_happens_no_permit_is_lost_and_none_is_invented(
    steps: list[tuple[str, int]], limit: int, queue: int
) -> None:
    asyncio.run(_whatever_happens(steps, limit, queue))


async def _whatever_happens(steps: list[tuple[str, int]], limit: int, queue: int) -> None:
    stage, inner, gate = limited(limit, queue)
    tasks: list[asyncio.Task[Response]] = []

    def held() -> int:
        """Calls that are in the stage inside, and answers whose content has not ended."""
        asked = sum(not call.outcome.done() for call in inner.calls)
        return asked + sum(
            task.done() and not task.cancelled() and task.exception() is None and not closed(task) for task in tasks
        )

    def closed(task: "asyncio.Task[Response]") -> bool:
        return task.result().content.complete or task in ended

    ended: set[asyncio.Task[Response]] = set()
    for step, number in steps:
        open_calls = [call for call in inner.calls if not call.outcome.done()]
        if step == "begin":
            tasks.append(asyncio.create_task(stage.send(exchange(caller="ab"[number % 2]))))
        elif step == "cancel" and tasks:
            tasks[number % len(tasks)].cancel()
        elif step == "close":
            for task in tasks:
                if task.done() and not task.cancelled() and task.exception() is None:
                    task.result().close()
                    ended.add(task)
        elif step == "run":
            await settle()
            assert held() == gate.permits.in_use <= limit
            assert len(gate) <= queue
            assert gate.permits.in_use == limit or not len(gate)
        elif open_calls and step in ("answer", "stream", "fail"):
            call = open_calls[number % len(open_calls)]
            call.fail(UpstreamDisconnected("…")) if step == "fail" else call.answer(whole=step == "answer")
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Response):
            outcome.close()
    await settle()
    assert gate.permits.in_use == 0
    assert len(gate) == 0
