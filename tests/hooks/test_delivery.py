import asyncio

import pytest

from proxy.hooks.delivery import MOST_WAITING, Delivery
from proxy.hooks.notice import Notice
from proxy.hooks.send import Undelivered
from proxy.observe.hook_tally import HookTally


class Hook:
    """Fails as it is told, in turn; then takes everything, once it is let."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.tried: list[object] = []
        self.slept: list[float] = []
        self.let = asyncio.Event()
        self.let.set()
        self.tally = HookTally()
        self.delivery = Delivery("on_error", self.send, 3, self.tally, self.sleep)

    async def send(self, notice: Notice) -> None:
        self.tried.append(notice.document["n"])
        await self.let.wait()
        if self.failures:
            raise self.failures.pop(0)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def offer(self, *numbers: int) -> None:
        for number in numbers:
            self.delivery.offer(Notice("on_error", {"n": number}))

    @property
    def counts(self) -> dict[str, int]:
        return {result: count for (_, result), count in self.tally}


async def test_notices_arrive_in_their_order() -> None:
    hook = Hook()
    hook.offer(1, 2, 3)
    await hook.delivery.close(5)
    assert (hook.tried, hook.counts) == ([1, 2, 3], {"delivered": 3, "failed": 0, "dropped": 0})


async def test_one_that_fails_is_tried_again_before_the_next() -> None:
    hook = Hook(Undelivered("busy"), Undelivered("busy"))
    hook.offer(1, 2)
    await hook.delivery.close(5)
    assert (hook.tried, hook.counts["delivered"]) == ([1, 1, 1, 2], 2)
    assert 0.5 <= hook.slept[0] <= 1 <= hook.slept[1] <= 2


async def test_one_that_fails_for_long_is_given_up_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    hook = Hook(*(Undelivered("busy") for _ in range(3)))
    hook.offer(1, 2)
    await hook.delivery.close(5)
    assert (hook.tried, hook.counts) == ([1, 1, 1, 2], {"delivered": 1, "failed": 1, "dropped": 0})
    assert "the hook on_error was given up after 3 attempts: busy" in caplog.text


async def test_one_that_no_attempt_can_help_is_given_up_at_once() -> None:
    hook = Hook(Undelivered("no", again=False))
    hook.offer(1)
    await hook.delivery.close(5)
    assert (hook.tried, hook.slept, hook.counts["failed"]) == ([1], [], 1)


async def test_a_defect_in_one_notice_does_not_end_the_others() -> None:
    hook = Hook(KeyError("x"))
    hook.offer(1, 2)
    await hook.delivery.close(5)
    assert hook.counts == {"delivered": 1, "failed": 1, "dropped": 0}


async def test_who_hangs_has_so_many_waiting_and_the_oldest_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    hook = Hook()
    hook.let.clear()
    hook.offer(0)
    await asyncio.sleep(0)
    hook.offer(*range(1, MOST_WAITING + 3))
    assert hook.counts["dropped"] == 2
    assert "too many are waiting" in caplog.text
    hook.let.set()
    await hook.delivery.close(5)
    assert hook.tried == [0, *range(3, MOST_WAITING + 3)]


async def test_at_the_end_what_hangs_is_dropped_after_its_grace() -> None:
    hook = Hook()
    hook.let.clear()
    hook.offer(1, 2, 3)
    await asyncio.sleep(0)
    await hook.delivery.close(0.01)
    assert hook.counts == {"delivered": 0, "failed": 0, "dropped": 3}


async def test_nothing_runs_while_nothing_waits() -> None:
    hook = Hook()
    before = len(asyncio.all_tasks())
    hook.offer(1)
    assert len(asyncio.all_tasks()) == before + 1
    await hook.delivery.close(5)
    assert len(asyncio.all_tasks()) == before
