import asyncio

import pytest

from proxy.auth.single_flight import SingleFlight


class Work:
    def __init__(self) -> None:
        self.runs = 0
        self.cancelled = 0
        self.release = asyncio.Event()

    async def __call__(self) -> int:
        self.runs += 1
        run = self.runs
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return run


@pytest.fixture
async def work() -> Work:
    return Work()


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_all_who_join_meanwhile_share_one_run(work: Work) -> None:
    flight = SingleFlight(work)
    waiters = [asyncio.create_task(flight.join()) for _ in range(50)]
    await turn()
    work.release.set()
    assert await asyncio.gather(*waiters) == [1] * 50
    assert work.runs == 1


async def test_after_a_run_the_next_join_starts_another(work: Work) -> None:
    flight = SingleFlight(work)
    work.release.set()
    assert [await flight.join(), await flight.join()] == [1, 2]


async def test_a_waiters_cancellation_does_not_stop_the_run(work: Work) -> None:
    flight = SingleFlight(work)
    leaving, staying = asyncio.create_task(flight.join()), asyncio.create_task(flight.join())
    await turn()
    leaving.cancel()
    await turn()
    assert leaving.cancelled()
    work.release.set()
    assert (await staying, work.cancelled) == (1, 0)


async def test_the_run_goes_on_when_every_waiter_has_left(work: Work) -> None:
    flight = SingleFlight(work)
    only = asyncio.create_task(flight.join())
    await turn()
    only.cancel()
    await turn()
    work.release.set()
    assert (await flight.join(), work.runs) == (1, 1)


async def test_closing_ends_the_run_and_its_waiters_get_nothing(work: Work) -> None:
    flight = SingleFlight(work)
    waiter = asyncio.create_task(flight.join())
    await turn()
    await flight.close()
    assert (await waiter, work.cancelled) == (None, 1)


async def test_a_closed_one_starts_nothing(work: Work) -> None:
    flight = SingleFlight(work)
    await flight.close()
    assert (flight.begin(), await flight.join(), work.runs) == (None, None, 0)


async def test_another_run_takes_the_place_of_the_one_under_way_and_answers_its_waiters(work: Work) -> None:
    flight = SingleFlight(work)
    waiting = asyncio.create_task(flight.join())
    await turn()

    async def other() -> int:
        return 100 + work.cancelled

    assert await flight.instead(other) == 101
    assert await waiting == 101


async def test_runs_that_take_anothers_place_come_in_turn(work: Work) -> None:
    flight = SingleFlight(work)
    first, second = asyncio.create_task(flight.instead(work)), asyncio.create_task(flight.instead(work))
    await turn()
    assert work.runs == 1
    work.release.set()
    assert (await first, await second, work.cancelled) == (1, 2, 0)


async def test_nothing_takes_a_place_after_the_close(work: Work) -> None:
    flight = SingleFlight(work)
    await flight.close()
    assert await flight.instead(work) is None
