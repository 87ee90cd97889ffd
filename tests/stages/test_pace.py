"""The line before the buckets: in order, fair, refused at once where the wait is too long, and nothing is lost."""

import asyncio
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.config.rate_model import Rate
from proxy.errors import RateLimited
from proxy.message import Exchange
from proxy.policy.bucket import Bucket
from proxy.policy.limits import Limit
from proxy.stages.pace import Pace
from tests.stages.next_stage import exchange, settle
from tests.stages.ticking import Ticking


class Line:
    """A pace with one bucket that everybody takes from; `went` says who went when, in seconds from the start."""

    def __init__(self, rate: int = 10, burst: int = 1, max_wait: float = 5.0, late: float = 0.0) -> None:
        self.loop = Ticking(late)
        self.limit = Limit("upstream", Rate(rate, 1.0), burst, max_wait)
        self.bucket = self.limit.bucket()
        self.pace = Pace((self.bucket,), cast(asyncio.AbstractEventLoop, self.loop))
        self.start = self.loop.now
        self.went: list[tuple[str, float]] = []

    async def _go(self, made: Exchange, own: tuple[Bucket, ...], name: str) -> None:
        buckets = (self.bucket, *own)
        if not self.pace.admit(buckets):
            await self.pace.wait(made, buckets, [self.limit] * len(buckets))
        self.went.append((name, round(self.loop.now - self.start, 4)))

    def ask(self, name: str = "", *own: Bucket, caller: str = "", deadline: float = 0.0) -> "asyncio.Task[None]":
        made = exchange(caller=caller)
        if deadline:
            made.deadline = self.loop.now + deadline
        return asyncio.create_task(self._go(made, own, name or caller))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.went]

    @property
    def times(self) -> list[float]:
        return [when for _, when in self.went]


async def refused(task: "asyncio.Task[None]") -> RateLimited:
    with pytest.raises(RateLimited) as caught:
        await task
    return caught.value


async def test_those_who_wait_go_as_they_came_each_in_its_time() -> None:
    line = Line()
    for name in "abcd":
        line.ask(name)
    await settle()
    assert line.went == [("a", 0.0)]
    await line.loop.advance(1)
    assert line.went == [("a", 0.0), ("b", 0.1), ("c", 0.2), ("d", 0.3)]
    assert line.loop.pending == 0


async def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    line = Line(burst=3)
    for _ in range(5):
        line.ask()
    await line.loop.advance(1)
    assert line.times == [0.0, 0.0, 0.0, 0.1, 0.2]


async def test_a_caller_with_one_request_is_not_behind_all_of_anothers() -> None:
    line = Line()
    for _ in range(8):
        line.ask(caller="busy")
    await settle()
    line.ask(caller="quiet")
    await line.loop.advance(2)
    assert line.names.index("quiet") <= 2


async def test_two_callers_that_always_want_more_get_half_each() -> None:
    line = Line(rate=100, max_wait=1.0)

    async def keep_asking(caller: str, at_once: int) -> None:
        async def one() -> None:
            while True:
                try:
                    await line.ask(caller=caller)
                except RateLimited:
                    await asyncio.sleep(0)

        await asyncio.gather(*(one() for _ in range(at_once)))

    tasks = [asyncio.create_task(keep_asking("greedy", 40)), asyncio.create_task(keep_asking("modest", 4))]
    await settle()
    await line.loop.advance(2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    modest = line.names.count("modest")
    assert modest == pytest.approx(len(line.names) / 2, rel=0.05)


async def test_nobody_overtakes_those_who_wait() -> None:
    line = Line()
    line.ask("first")
    line.ask("second")
    await settle()
    line.loop.now += 0.15  # its place has come, and the timer has not rung yet
    line.ask("third")
    await settle()
    assert line.names == ["first", "second"]
    await line.loop.advance(1)
    assert line.names == ["first", "second", "third"]


async def test_who_would_wait_too_long_is_refused_at_once_and_told_how_long() -> None:
    line = Line(max_wait=0.25)
    tasks = [line.ask(str(number)) for number in range(4)]
    await settle()
    error = await refused(tasks[3])
    assert error.retry_after == pytest.approx(0.3)
    assert len(line.pace) == 2


async def test_nothing_waits_where_no_wait_is_allowed() -> None:
    line = Line(max_wait=0)
    await line.ask()
    assert (await refused(line.ask())).retry_after == pytest.approx(0.1)


async def test_who_would_miss_its_deadline_is_refused_at_once() -> None:
    line = Line()
    for _ in range(5):
        line.ask()
    await settle()
    assert (await refused(line.ask(deadline=0.3))).retry_after == pytest.approx(0.5)


async def test_who_is_overtaken_in_turn_waits_no_longer_than_it_may() -> None:
    line = Line(max_wait=0.55)
    tasks = [line.ask(caller="busy") for _ in range(6)]
    await settle()
    for number in range(4):
        line.ask(caller=f"other-{number}")
    await line.loop.advance(0.56)
    assert (await refused(tasks[5])).retry_after
    assert line.names.count("busy") < 6
    await line.loop.advance(5)
    assert len(line.pace) == 0
    assert line.bucket.waiting == 0


async def test_who_waits_for_its_own_bucket_holds_up_nobody_else() -> None:
    line = Line(rate=100)
    own = Bucket(1.0, 1)
    for name in ("one", "two"):
        line.ask(name, own)
    line.ask("free")
    await line.loop.advance(3)
    assert line.went == [("one", 0.0), ("free", 0.01), ("two", 1.0)]


async def test_a_request_takes_from_all_of_its_buckets_or_from_none() -> None:
    line = Line(rate=100, burst=5)
    own = Bucket(10.0, 1)
    await line.ask("", own)
    room = line.bucket.room(line.loop.now)
    task = line.ask("", own)
    await refused(task)
    assert line.bucket.room(line.loop.now) == room


async def test_the_wait_is_added_to_the_requests_queued_time() -> None:
    line = Line()
    await line.ask()
    made = exchange()
    made.queued = 1.0
    task = asyncio.create_task(line.pace.wait(made, (line.bucket,), [line.limit]))
    await settle()
    await line.loop.advance(1)
    assert await task == pytest.approx(0.1)
    assert made.queued == pytest.approx(1.1)


async def test_who_leaves_the_line_gives_its_place_to_the_next() -> None:
    line = Line()
    tasks = [line.ask(name) for name in "abc"]
    await settle()
    tasks[1].cancel()
    await line.loop.advance(1)
    assert line.went == [("a", 0.0), ("c", 0.1)]
    assert line.bucket.waiting == 0


async def test_who_leaves_in_the_moment_of_its_turn_gives_it_back() -> None:
    line = Line()
    tasks = [line.ask(name) for name in "abc"]
    await settle()
    line.loop.now += 0.1
    line.pace.serve()
    tasks[1].cancel()
    await settle()
    assert line.went == [("a", 0.0), ("c", 0.1)]


async def test_who_was_cancelled_and_has_not_heard_of_it_takes_nothing() -> None:
    line = Line()
    tasks = [line.ask(name) for name in "abc"]
    await settle()
    tasks[1].cancel()
    line.loop.now += 0.1
    line.pace.serve()
    await settle()
    assert line.went == [("a", 0.0), ("c", 0.1)]
    assert line.bucket.waiting == 0


async def test_an_empty_line_has_no_timer() -> None:
    line = Line()
    tasks = [line.ask() for _ in range(3)]
    await settle()
    assert line.loop.pending
    for task in tasks:
        task.cancel()
    await settle()
    await line.loop.advance(0.2)
    assert line.loop.pending == 0


@pytest.mark.parametrize(("rate", "burst"), [(10, 1), (5000, 500)])
@pytest.mark.parametrize("late", [0.0, 0.001])
async def test_ten_seconds_of_more_than_enough_are_within_one_percent_of_the_rate(
    rate: int, burst: int, late: float
) -> None:
    line = Line(rate, burst, max_wait=0.2, late=late)

    async def keep_asking() -> None:
        while True:
            await line.ask()

    tasks = [asyncio.create_task(keep_asking()) for _ in range(max(2, rate // 50))]
    while not len(line.pace):
        await settle()
    await line.loop.advance(10)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(line.times) == pytest.approx(burst + 10 * rate, rel=0.01)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["ask", "leave", "pass"]), st.integers(0, 2), st.floats(0, 0.3)),
        max_size=40,
    )
)
def test_whatever_comes_and_leaves_the_pace_is_kept_and_everybody_goes(steps: list[tuple[str, int, float]]) -> None:
    async def run() -> None:
        line = Line(rate=10, burst=2, max_wait=60.0)
        tasks: list[asyncio.Task[None]] = []
        for step, number, seconds in steps:
            if step == "ask":
                tasks.append(line.ask(caller=str(number)))
            elif step == "leave" and tasks:
                tasks[number % len(tasks)].cancel()
            else:
                await line.loop.advance(seconds)
            await asyncio.sleep(0)
        await line.loop.advance(60)
        done = await asyncio.gather(*tasks, return_exceptions=True)
        stayed = [outcome for outcome in done if not isinstance(outcome, asyncio.CancelledError)]
        assert stayed == [None] * len(stayed)
        assert len(line.went) >= len(stayed)
        assert (len(line.pace), line.bucket.waiting, line.loop.pending) == (0, 0, 0)
        for first, began in enumerate(line.times):
            for last, ended in enumerate(line.times[first:], first):
                assert last - first + 1 <= 2 + (ended - began) * 10 + 0.1

    asyncio.run(run())
