import asyncio

import pytest

from proxy.auth import store_poll
from proxy.auth.store_poll import StorePoll


class Source:
    def __init__(self) -> None:
        self.glances = 0
        self.twice = asyncio.Event()

    def glance(self) -> None:
        self.glances += 1
        if self.glances == 2:
            self.twice.set()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_poll, "EVERY", 0.001)


async def test_every_source_looks_again_and_again_until_the_close() -> None:
    one, other = Source(), Source()
    poll = StorePoll(asyncio.get_running_loop(), [one, other])
    poll.start()
    async with asyncio.timeout(5):
        await one.twice.wait()
        await other.twice.wait()
    poll.close()
    before = one.glances
    await asyncio.sleep(0.01)
    assert one.glances == before


async def test_without_sources_nothing_is_scheduled() -> None:
    poll = StorePoll(asyncio.get_running_loop(), [])
    poll.start()
    assert poll._handle is None
