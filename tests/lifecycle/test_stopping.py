import asyncio
import os
import signal

from proxy.lifecycle.stopping import Stopping, finished_before


async def until_handled() -> None:
    """The loop has seen the signals that were sent by now."""
    seen = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, seen.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    async with asyncio.timeout(10):
        await seen.wait()
    asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR1)


async def test_the_first_signal_asks_and_the_second_one_hurries() -> None:
    stopping = Stopping()
    stopping.heed_signals(asyncio.get_running_loop())
    states = []
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
        await until_handled()
        states.append((stopping.asked.is_set(), stopping.hurried.is_set()))
    assert states == [(True, False), (True, True)]


async def test_who_has_asked_twice_and_then_sends_a_signal_is_in_no_hurry() -> None:
    stopping = Stopping()
    stopping.heed_signals(asyncio.get_running_loop())
    stopping.ask()
    stopping.ask()
    os.kill(os.getpid(), signal.SIGTERM)
    await until_handled()
    assert (stopping.asked.is_set(), stopping.hurried.is_set()) == (True, False)


async def test_a_task_that_is_not_finished_before_the_end_is_cancelled() -> None:
    end = asyncio.Event()
    task = asyncio.create_task(asyncio.sleep(60))
    asyncio.get_running_loop().call_soon(end.set)
    assert not await finished_before(task, end)
    assert task.cancelled()
    assert await finished_before(asyncio.create_task(asyncio.sleep(0)), asyncio.Event())
