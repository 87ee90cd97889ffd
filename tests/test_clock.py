"""Time is the test's own: a loop that runs its timers when it is told to."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Any, cast

import pytest

from proxy.clock import NEVER, CoarseTimer


class Handle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    def __init__(self) -> None:
        self.now = 100.0
        self._numbers = itertools.count()
        self._queue: list[tuple[float, int, Handle, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        handle = Handle()
        heapq.heappush(self._queue, (self.now + delay, next(self._numbers), handle, callback))
        return handle

    @property
    def waiting(self) -> int:
        return sum(not handle.cancelled for _, _, handle, _ in self._queue)

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while self._queue and self._queue[0][0] <= end:
            self.now, _, handle, callback = heapq.heappop(self._queue)
            if not handle.cancelled:
                callback()
        self.now = end


class Watch:
    def __init__(self, expire_at: float, act: Callable[["Watch"], Any] = lambda watch: None) -> None:
        self.expire_at = expire_at
        self.times: list[float] = []
        self._act = act

    def expire(self, now: float) -> None:
        self.times.append(now)
        self.expire_at = NEVER
        self._act(self)


@pytest.fixture
def loop() -> FakeLoop:
    return FakeLoop()


@pytest.fixture
def timer(loop: FakeLoop) -> CoarseTimer:
    return CoarseTimer(cast(asyncio.AbstractEventLoop, loop), 1.0)


def test_a_deadline_passes_at_most_one_interval_late(loop: FakeLoop, timer: CoarseTimer) -> None:
    for offset in (0.0, 0.1, 0.9, 1.0, 3.5):
        watch = Watch(loop.now + offset)
        timer.add(watch)
        due = watch.expire_at
        loop.pass_time(10)
        assert len(watch.times) == 1
        assert due <= watch.times[0] <= due + 1.0


def test_a_deadline_that_does_not_come_is_never_reported(loop: FakeLoop, timer: CoarseTimer) -> None:
    watch = Watch(NEVER)
    timer.add(watch)
    loop.pass_time(1000)
    assert watch.times == []


def test_a_deadline_may_be_moved_while_it_is_watched(loop: FakeLoop, timer: CoarseTimer) -> None:
    watch = Watch(loop.now + 2)
    timer.add(watch)
    loop.pass_time(1.5)
    watch.expire_at = loop.now + 10
    loop.pass_time(5)
    assert watch.times == []
    loop.pass_time(10)
    assert len(watch.times) == 1


def test_what_has_left_is_not_reported(loop: FakeLoop, timer: CoarseTimer) -> None:
    watch = Watch(loop.now)
    timer.add(watch)
    timer.discard(watch)
    timer.discard(watch)
    loop.pass_time(10)
    assert watch.times == []
    assert len(timer) == 0


def test_the_timer_sleeps_while_nothing_is_registered(loop: FakeLoop, timer: CoarseTimer) -> None:
    assert loop.waiting == 0
    watch = Watch(NEVER)
    timer.add(watch)
    assert loop.waiting == 1
    timer.discard(watch)
    loop.pass_time(1)
    assert loop.waiting == 0
    timer.add(Watch(NEVER))
    assert loop.waiting == 1


def test_many_share_one_timer(loop: FakeLoop, timer: CoarseTimer) -> None:
    watches = [Watch(loop.now + 0.5) for _ in range(100)]
    for watch in watches:
        timer.add(watch)
    assert loop.waiting == 1
    loop.pass_time(1)
    assert [len(watch.times) for watch in watches] == [1] * 100


def test_one_that_ends_another_spares_it_from_being_reported(loop: FakeLoop, timer: CoarseTimer) -> None:
    pair: list[Watch] = []

    def end_the_other(watch: Watch) -> None:
        timer.discard(next(other for other in pair if other is not watch))

    pair += [Watch(loop.now, end_the_other), Watch(loop.now, end_the_other)]
    for watch in pair:
        timer.add(watch)
    loop.pass_time(1)
    assert sorted(len(watch.times) for watch in pair) == [0, 1]


def test_one_that_moves_anothers_deadline_spares_it_too(loop: FakeLoop, timer: CoarseTimer) -> None:
    pair: list[Watch] = []

    def move_the_other(watch: Watch) -> None:
        next(other for other in pair if other is not watch).expire_at = NEVER

    pair += [Watch(loop.now, move_the_other), Watch(loop.now, move_the_other)]
    for watch in pair:
        timer.add(watch)
    loop.pass_time(1)
    assert sorted(len(watch.times) for watch in pair) == [0, 1]


def test_one_that_fails_does_not_end_the_deadlines_of_the_others(loop: FakeLoop, timer: CoarseTimer) -> None:
    def fail(_: Watch) -> None:
        raise RuntimeError("a defect")

    later = Watch(loop.now + 3)
    timer.add(Watch(loop.now, fail))
    timer.add(later)
    with pytest.raises(RuntimeError):
        loop.pass_time(1)
    loop.pass_time(5)
    assert len(later.times) == 1


def test_one_may_register_another_while_it_is_reported(loop: FakeLoop, timer: CoarseTimer) -> None:
    follower = Watch(loop.now)
    timer.add(Watch(loop.now, lambda _: timer.add(follower)))
    loop.pass_time(2)
    assert len(follower.times) == 1
    assert loop.waiting == 1


def test_a_closed_timer_reports_nothing_and_waits_for_nothing(loop: FakeLoop, timer: CoarseTimer) -> None:
    watch = Watch(loop.now)
    timer.add(watch)
    timer.close()
    assert (len(timer), loop.waiting) == (0, 0)
    loop.pass_time(5)
    assert watch.times == []


def test_a_timer_that_is_closed_while_it_reports_stays_closed(loop: FakeLoop, timer: CoarseTimer) -> None:
    watches = [Watch(loop.now, lambda _: timer.close()) for _ in range(3)]
    for watch in watches:
        timer.add(watch)
    loop.pass_time(5)
    assert sum(len(watch.times) for watch in watches) == 1
    assert loop.waiting == 0
