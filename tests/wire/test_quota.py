"""The upstream says what is left of its quota, and is not asked for more."""

import asyncio
import time
from typing import Any

import pytest

from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import OK, answers


def told(*lines: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, b"content-length: 2", *lines, b"", b"ok"])


def bare(url: str, **quota: Any) -> dict[str, Any]:
    return facing(url, upstream={"retry": {"attempts": 1}, **({"quota": quota} if quota else {})})


USED_UP = told(b"X-RateLimit-Limit: 60", b"X-RateLimit-Remaining: 0", b"X-RateLimit-Reset: 3600")
FOR_A_MOMENT = told(b'RateLimit-Policy: "w";q=9;w=1', b'RateLimit: "w";r=0;t=1')


class Window:
    """An upstream that counts: so many in each stretch of time, and 429 past it. It refuses for real."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self.began = time.monotonic()
        self.counts: list[int] = []

    async def script(self, connection: Connection) -> None:
        while True:
            await connection.request()
            passed = time.monotonic() - self.began
            window = int(passed // self.seconds)
            self.counts += [0] * (window + 1 - len(self.counts))
            self.counts[window] += 1
            left = self.limit - self.counts[window]
            reset = b"%.3f" % (self.seconds - passed % self.seconds)
            fields = [b"X-RateLimit-Limit: %d" % self.limit, b"X-RateLimit-Remaining: %d" % max(left, 0)]
            status = b"200 OK" if left >= 0 else b"429 Too Many Requests"
            await connection.send(told(*fields, b"X-RateLimit-Reset: " + reset, status=status))


async def test_nothing_is_sent_while_the_upstream_says_that_nothing_is_left(outrider):
    async with RawUpstream(answers(USED_UP)) as upstream:
        running = await outrider(bare(upstream.url))
        first = await running.request()
        assert first.status == 200
        assert first.get(b"x-ratelimit-remaining") == b"0"
        answer = await running.request()
        assert (answer.status, answer.code) == (429, "rate_limited")
        assert 3590 <= int(answer.get(b"retry-after") or b"") <= 3601
        assert len(upstream.heads) == 1


async def test_who_may_wait_is_answered_after_the_reset(outrider):
    async with RawUpstream(answers(FOR_A_MOMENT)) as upstream:
        running = await outrider(bare(upstream.url))
        await running.request()
        began = time.monotonic()
        answer = await running.request()
        assert answer.status == 200
        assert time.monotonic() - began >= 0.9
        assert b"queued=" in (answer.get(b"proxy-status") or b"")


async def test_an_upstream_that_counts_never_has_to_refuse(outrider):
    window = Window(limit=10, seconds=0.5)
    async with RawUpstream(window.script) as upstream:
        running = await outrider(bare(upstream.url))
        await running.request()
        done = await asyncio.gather(*(running.request() for _ in range(25)))
    assert {answer.status for answer in done} == {200}
    assert max(window.counts) <= 10


async def test_without_learning_it_is_asked_and_refuses(outrider):
    window = Window(limit=10, seconds=30)
    async with RawUpstream(window.script) as upstream:
        running = await outrider(bare(upstream.url, learn=False))
        done = [await running.request() for _ in range(12)]
    assert [answer.status for answer in done].count(429) == 2


async def test_a_long_retry_after_passes_to_its_caller_and_holds_the_others(outrider):
    refusal = told(b"Retry-After: 600", status=b"503 Busy")
    async with RawUpstream(answers(refusal)) as upstream:
        running = await outrider(facing(upstream.url))
        first = await running.request()
        assert (first.status, first.content) == (503, b"ok")
        assert first.get(b"retry-after") == b"600"
        second = await running.request(b"GET", b"/other")
        assert second.code == "rate_limited"
        assert len(upstream.heads) == 1


async def test_a_short_retry_after_is_waited_for_by_those_who_come_meanwhile(outrider):
    left = [told(b"Retry-After: 1", status=b"429 Slow"), OK]
    came: list[float] = []

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            came.append(time.monotonic())
            await connection.send(left.pop(0) if len(left) > 1 else left[0])

    async with RawUpstream(script) as upstream:
        running = await outrider(bare(upstream.url))
        assert (await running.request()).status == 429
        done = await asyncio.gather(*(running.request() for _ in range(5)))
    assert {answer.status for answer in done} == {200}
    assert came[1] - came[0] >= 0.9


async def test_the_others_are_not_let_go_before_the_first_ones_answer(outrider):
    go = asyncio.Event()
    came: list[float] = []

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            came.append(time.monotonic())
            if len(came) == 1:
                await connection.send(told(b"Retry-After: 0.3", status=b"429 Slow"))
            else:
                await go.wait()
                await connection.send(OK)

    async with RawUpstream(script) as upstream:
        running = await outrider(bare(upstream.url))
        await running.request()
        tasks = [asyncio.create_task(running.request()) for _ in range(6)]
        async with asyncio.timeout(5):
            while len(came) < 2:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        gone = time.monotonic()
        go.set()
        assert {(await task).status for task in tasks} == {200}
    # The others wait for its answer, though for no more than a second.
    assert came[2] >= min(gone, came[1] + 0.9)


async def test_what_is_left_is_a_metric(outrider):
    async with RawUpstream(answers(told(b"X-RateLimit-Remaining: 41", b"X-RateLimit-Reset: 9"))) as upstream:
        running = await outrider(bare(upstream.url))
        await running.request()
        metrics = await asyncio.to_thread(_metrics, running.admin_url)
    assert 'outrider_upstream_quota_remaining{upstream="api"} 41.0' in metrics


def _metrics(admin_url: str) -> str:
    import requests

    return requests.get(f"{admin_url}/metrics", timeout=5).text


@pytest.mark.parametrize(
    "line",
    [
        b'RateLimit: "a";r=-0;t=',
        b"X-RateLimit-Remaining: \xff",
        b"X-RateLimit-Reset: " + b"9" * 400,
        b"Retry-After: " + b"9" * 400,
        b'RateLimit: "' + b"a" * 20000 + b'";r=0;t=1e9',
    ],
)
async def test_a_malformed_word_on_the_quota_passes_and_holds_nobody(outrider, line):
    async with RawUpstream(answers(told(b"X-RateLimit-Remaining: none", line))) as upstream:
        running = await outrider(bare(upstream.url))
        for _ in range(3):
            answer = await running.request()
            assert answer.status == 200
            assert answer.get(line.partition(b":")[0]) is not None
