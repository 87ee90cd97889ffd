"""A real upstream that really refuses: nginx's limit_req, twenty a second and two more at once."""

import asyncio
from pathlib import Path
from typing import Any

from tests.peers.running import facing

TARGET = b"/limited/file"


def before(nginx: tuple[str, Path], **upstream: Any) -> dict[str, Any]:
    url, files = nginx
    (files / "limited").mkdir(exist_ok=True)
    (files / "limited" / "file").write_bytes(b"here")
    return facing(url, auth=False, upstream={"retry": {"attempts": 1}, **upstream})


async def statuses(running: Any, count: int) -> list[int]:
    return [answer.status for answer in await asyncio.gather(*(running.request(b"GET", TARGET) for _ in range(count)))]


async def test_without_a_limit_it_refuses(outrider, nginx):
    running = await outrider(before(nginx, quota={"learn": False}))
    assert (await statuses(running, 20)).count(429) >= 10


async def test_behind_a_limit_of_the_same_pace_it_refuses_nobody(outrider, nginx):
    await asyncio.sleep(0.3)  # until what an earlier test took has come back
    running = await outrider(before(nginx, rate_limit={"rate": "19/s", "burst": 2}, quota={"learn": False}))
    assert await statuses(running, 30) == [200] * 30


async def test_a_refusal_with_retry_after_holds_what_comes_next_until_then(outrider, nginx):
    await asyncio.sleep(0.3)  # until what an earlier test took has come back
    running = await outrider(before(nginx))
    # One by one: of a crowd, the last ones may be held themselves, and use up what comes back.
    for _ in range(200):
        if (await running.request(b"GET", TARGET)).status == 429:
            break
    loop = asyncio.get_running_loop()
    refused_at = loop.time()
    # A second later the quota has filled up again: those that were held are served, first one, then the others.
    assert await statuses(running, 3) == [200] * 3
    assert loop.time() - refused_at >= 0.9
