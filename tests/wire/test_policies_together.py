"""Every policy together, an upstream with faults, callers that vanish: nothing is left over."""

import asyncio
import contextlib
import random
from typing import Any

from tests.chain.stages import stages
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import Outrider, facing

POLICIES = {
    "retry": {"attempts": 3, "backoff": {"base": "2ms", "cap": "5ms"}},
    "hedge": {"after": "15ms"},
    "breaker": {
        "min_calls": 20,
        "failure_ratio": "30%",
        "open": "20ms",
        "max_open": "40ms",
        "probes": 2,
    },
    "concurrency": {"limit": 6, "queue": 50, "max_wait": "2s"},
    "rate_limit": {"rate": "600/s", "burst": 10, "max_wait": "2s"},
    "dedup": {"in_flight": True},
    "timeout": {"first_byte": "60ms"},
}


class Faulty:
    """Answers each request with its own target; one in twenty is reset, cut, refused or left to wait.

    Now and then it is ill as a whole, until it is told to be `well`.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.posts: list[bytes] = []
        self.seen = 0
        self.well = False

    def fault(self) -> int:
        self.seen += 1
        if self.well:
            return -1
        return 3 if self.seen % 300 > 180 else self.random.randrange(100)

    async def script(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            target = request.head.target
            if request.head.method == b"POST":
                self.posts.append(target)
            match self.fault():
                case 0 | 1:
                    connection.reset()
                    return
                case 2:
                    await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\nno")
                    return
                case 3:
                    await connection.send(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n")
                case 4:
                    await connection.gone()
                    return
                case _:
                    await asyncio.sleep(self.random.random() * 0.004)
                    await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(target), target))


def held(running: Outrider) -> dict[str, Any]:
    """What the policies of the first route hold at this moment."""
    found: dict[str, Any] = {}
    for stage in stages(running.daemon._pipeline):
        match type(stage).__name__:
            case "Coalesce":
                found |= {"flights": len(stage), "shared": stage.held}
            case "Concurrency":
                found |= {"permits": stage._permits.in_use, "waiting": len(stage._gate)}
            case "Hedge":
                found["budget"] = stage.budget.in_flight
            case "RateLimit":
                found |= {"line": len(stage._pace), "places": sum(bucket.waiting for bucket in stage._buckets)}
            case "BreakerStage":
                found["probes"] = stage._breaker._started
    return found


async def ask(running: Outrider, number: int, source: random.Random) -> None:
    # Two of four ask for the same, so that some share a call; a POST is always its own.
    target = b"/%d" % (number if number % 4 in (0, 1) else number // 4 * 4 + 2)
    leaves = source.random() < 0.1
    async with await running.caller() as caller:
        method = b"POST" if number % 4 == 0 else b"GET"
        await caller.send(running.head(method, target, b"Content-Length: 0"))
        if leaves:
            await asyncio.sleep(source.random() * 0.03)
            return
        answer = await caller.answer(method)
        if answer.status == 200 and answer.whole:
            assert answer.content == target


async def test_nothing_is_lost_doubled_or_left_over(outrider, scale):
    faulty, source = Faulty(7), random.Random(11)
    async with RawUpstream(faulty.script) as upstream:
        running = await outrider(facing(upstream.url, upstream=POLICIES))
        await running.request()
        before = len(asyncio.all_tasks())
        numbers = iter(range(scale(600, 20_000)))

        async def work() -> None:
            for number in numbers:
                await ask(running, number, source)

        await asyncio.gather(*(work() for _ in range(24)))
        await running.has_in_flight(lambda count: count == 0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                while any(held(running).values()) or len(asyncio.all_tasks()) > before + len(upstream.connections):
                    await asyncio.sleep(0.01)
        left = held(running)
        assert len(left) == 8
        assert not any(left.values()), left
        assert running.daemon._pipeline.tallies["api"].dedup["collapsed"] > 0
        assert len(faulty.posts) == len(set(faulty.posts))
        assert running.daemon._pipeline.tallies["api"].errors["circuit_open"] > 0
        # All that was held is there for others.
        faulty.well = True
        await asyncio.sleep(0.05)
        answers = await asyncio.gather(*(running.request(b"GET", b"/last") for _ in range(2)))
        answers += await asyncio.gather(*(running.request(b"GET", b"/last") for _ in range(20)))
        assert [answer.content for answer in answers] == [b"/last"] * 22
