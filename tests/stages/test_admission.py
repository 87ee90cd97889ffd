import asyncio

import pytest

from proxy.errors import Overloaded
from proxy.stages.admission import Admission


def test_requests_up_to_the_limit_are_let_in() -> None:
    admission = Admission(2)
    admission.enter()
    admission.enter()
    assert admission.in_flight == 2


def test_the_next_one_is_refused_and_not_counted() -> None:
    admission = Admission(1)
    admission.enter()
    with pytest.raises(Overloaded) as refused:
        admission.enter()
    assert (refused.value.retry_after, admission.in_flight) == (1, 1)


def test_one_that_leaves_makes_room() -> None:
    admission = Admission(1)
    for _ in range(3):
        admission.enter()
        admission.leave()
    assert admission.in_flight == 0


async def test_idle_is_at_once_when_nothing_is_in_flight() -> None:
    await asyncio.wait_for(Admission(1).idle(), 1)


async def test_idle_waits_for_the_last_one_to_leave() -> None:
    admission = Admission(2)
    admission.enter()
    admission.enter()
    waiting = asyncio.ensure_future(admission.idle())
    await asyncio.sleep(0)
    admission.leave()
    await asyncio.sleep(0)
    assert not waiting.done()
    admission.leave()
    await asyncio.wait_for(waiting, 1)


async def test_one_that_comes_in_the_moment_of_idleness_is_waited_for() -> None:
    admission = Admission(2)
    admission.enter()
    waiting = asyncio.ensure_future(admission.idle())
    await asyncio.sleep(0)
    admission.leave()
    admission.enter()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    admission.leave()
    await asyncio.wait_for(waiting, 1)
