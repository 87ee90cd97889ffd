import asyncio
import contextlib
from collections import deque

import pytest
from aiolimiter import AsyncLimiter
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.bucket import LATE, Bucket

PACES = st.tuples(st.sampled_from([0.0002, 0.01, 0.1, 2.0]), st.integers(1, 30))
GAPS = st.lists(st.floats(0, 3.0), min_size=1, max_size=60)
EPSILON = 1e-6


def admitted(bucket: Bucket, moments: list[float]) -> list[float]:
    """Those of the moments at which a request that does not wait may go."""
    went = []
    for now in moments:
        if bucket.wait(now) <= 0:
            bucket.take(now)
            went.append(now)
    return went


def moments(gaps: list[float], scale: float) -> list[float]:
    now, found = 100.0, []
    for gap in gaps:
        now += gap * scale
        found.append(now)
    return found


@given(PACES, GAPS)
def test_no_stretch_of_time_holds_more_than_the_burst_and_the_rate_allow(
    pace: tuple[float, int], gaps: list[float]
) -> None:
    interval, burst = pace
    went = admitted(Bucket(interval, burst), moments(gaps, interval))
    for first, began in enumerate(went):
        for last, ended in enumerate(went[first:], first):
            assert last - first + 1 <= burst + (ended - began) / interval + EPSILON


@given(PACES, GAPS)
def test_it_admits_what_a_bucket_of_tokens_that_refills_at_the_rate_admits(
    pace: tuple[float, int], gaps: list[float]
) -> None:
    interval, burst = pace
    tokens, then, expected = float(burst), 100.0, []
    at = moments(gaps, interval)
    for now in at:
        tokens = min(burst, tokens + (now - then) / interval)
        then = now
        if abs(tokens - 1) < EPSILON:
            return  # too near to call in floating point
        if tokens >= 1:
            tokens -= 1
            expected.append(now)
    assert admitted(Bucket(interval, burst), at) == expected


class SimulatedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock stands until it is moved."""

    now = 100.0

    def time(self) -> float:
        return self.now


@given(PACES, GAPS)
def test_it_admits_what_aiolimiter_admits(pace: tuple[float, int], gaps: list[float]) -> None:
    interval, burst = pace
    limiter, bucket = AsyncLimiter(burst, burst * interval), Bucket(interval, burst)

    async def admits() -> bool:
        if limiter.has_capacity():
            await limiter.acquire()
            return True
        return False

    with contextlib.closing(SimulatedLoop()) as loop:
        for loop.now in moments(gaps, interval):
            if abs(bucket.wait(loop.now)) < EPSILON:
                return  # too near to call in floating point
            assert loop.run_until_complete(admits()) is bool(admitted(bucket, [loop.now]))


@given(PACES, GAPS)
def test_who_waits_as_long_as_it_was_told_may_go_then_not_before(pace: tuple[float, int], gaps: list[float]) -> None:
    bucket = Bucket(*pace)
    for now in moments(gaps, pace[0]):
        wait = max(0.0, bucket.wait(now))
        if wait > EPSILON:
            assert bucket.wait(now + wait - min(EPSILON, wait / 2)) > 0
        bucket.take(now + wait)


@given(PACES, st.integers(0, 50), st.integers(0, 20))
def test_the_wait_behind_others_is_the_wait_after_they_went(pace: tuple[float, int], taken: int, others: int) -> None:
    now = 50.0
    foretold, stepped = Bucket(*pace), Bucket(*pace)
    for bucket in (foretold, stepped):
        for _ in range(taken):
            bucket.take(now)
    told = foretold.wait(now, others)
    for _ in range(others):
        stepped.take(now)
    assert max(0.0, told) == pytest.approx(max(0.0, stepped.wait(now)))


@pytest.mark.parametrize(("rate", "burst"), [(10, 1), (10, 20), (5000, 1), (5000, 500)])
@pytest.mark.parametrize("late", [0.0, 0.001])
def test_a_line_that_never_ends_gets_the_rate_within_one_percent(rate: int, burst: int, late: float) -> None:
    """Ten simulated seconds; the timer wakes the line to the millisecond, and late."""
    bucket, now, went = Bucket(1 / rate, burst), 0.0, 0
    line = deque(range(rate * 12 + burst))
    while now < 10:
        while line and bucket.wait(now) <= 0:
            line.popleft()
            bucket.take(now, queued=True)
            went += 1
        now = max(now + 0.0001, round(now + bucket.wait(now), 3)) + late
    assert went == pytest.approx(burst + rate * 10, rel=0.01)


def test_a_late_place_lets_the_next_one_come_early_by_no_more_than_a_timer_errs() -> None:
    bucket = Bucket(0.1, 1)
    bucket.take(0.0)
    bucket.take(5.0, queued=True)
    assert bucket.wait(5.0) == pytest.approx(0.1 - LATE)


def test_a_place_that_is_given_back_is_free_again() -> None:
    bucket = Bucket(1.0, 2)
    bucket.take(0.0)
    bucket.take(0.0)
    assert bucket.wait(0.0) == pytest.approx(1.0)
    bucket.give_back()
    assert bucket.wait(0.0) <= 0


def test_the_room_is_how_many_may_go_at_once() -> None:
    bucket = Bucket(1.0, 3)
    assert bucket.room(0.0) == 3
    bucket.take(0.0)
    bucket.take(0.0)
    assert bucket.room(0.0) == 1
    assert bucket.room(0.5) == 1
    assert bucket.room(1.0) == 2
    bucket.take(1.0)
    bucket.take(1.0)
    assert bucket.room(1.0) == 0
