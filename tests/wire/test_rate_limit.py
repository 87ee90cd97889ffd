"""How fast requests go, as the upstream sees it."""

import asyncio
import time
from typing import Any

import http_sf
import pytest

from tests.peers.caller import Answer
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import TOKEN, facing
from tests.peers.scripts import OK, answers


class Ledger:
    """An upstream that notes when each request came and what its target was."""

    def __init__(self, answer: bytes = OK) -> None:
        self.answer = answer
        self.came: list[float] = []
        self.targets: list[bytes] = []

    async def script(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            self.came.append(time.monotonic())
            self.targets.append(request.head.target)
            await connection.send(self.answer)


def limited(url: str, limit: Any, **upstream: Any) -> dict[str, Any]:
    return facing(url, upstream={"retry": {"attempts": 1}, "rate_limit": limit, **upstream})


def callers(*names: str) -> dict[str, Any]:
    return {"callers": {name: {"token": f"{TOKEN}-{name}"} for name in names}}


def token(name: str) -> bytes:
    return f"Outrider-Token: {TOKEN}-{name}".encode()


async def test_what_comes_at_once_goes_at_the_rate(outrider):
    ledger = Ledger()
    async with RawUpstream(ledger.script) as upstream:
        running = await outrider(limited(upstream.url, {"rate": "50/s", "burst": 5}))
        began = time.monotonic()
        done = await asyncio.gather(*(running.request() for _ in range(25)))
    assert {answer.status for answer in done} == {200}
    # Twenty wait, 20 ms each; sooner is impossible, later only on a busy machine.
    assert 0.38 <= ledger.came[-1] - began < 5


async def test_the_wait_is_told_in_milliseconds(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(limited(upstream.url, {"rate": "20/s", "burst": 1}))
        await running.request()
        told = (await running.request()).get(b"proxy-status") or b""
    name, _, queued = told.partition(b"; queued=")
    assert name == b"outrider"
    assert 10 <= int(queued) <= 5000


async def test_those_who_wait_go_in_the_order_in_which_they_came(outrider):
    ledger = Ledger()
    async with RawUpstream(ledger.script) as upstream:
        running = await outrider(limited(upstream.url, {"rate": "20/s", "burst": 1}))
        tasks = []
        for number in range(6):
            tasks.append(asyncio.create_task(running.request(b"GET", b"/%d" % number)))
            await running.has_in_flight(lambda count, ahead=number: count + len(ledger.came) > ahead)
        await asyncio.gather(*tasks)
    assert ledger.targets == [b"/%d" % number for number in range(6)]


async def test_one_callers_crowd_does_not_hold_up_another_caller(outrider):
    ledger = Ledger()
    async with RawUpstream(ledger.script) as upstream:
        config = limited(upstream.url, {"rate": "20/s", "burst": 1})
        running = await outrider({**config, "access": callers("crowd", "single")})
        crowd = [asyncio.create_task(running.request(b"GET", b"/crowd", token("crowd"))) for _ in range(12)]
        await running.has_in_flight(lambda count: count + len(ledger.came) >= 12)
        before = len(ledger.came)
        assert (await running.request(b"GET", b"/single", token("single"))).status == 200
        assert ledger.targets.index(b"/single") - before <= 2
        await asyncio.gather(*crowd)


def check_refusal(answer: Answer, name: str, rate: int, window: int) -> None:
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert answer.problem()["stage"] == "rate_limit"
    assert answer.problem()["retryable"] is True
    wait = int(answer.get(b"retry-after") or b"")
    assert 1 <= wait <= window
    policy = http_sf.parse(answer.get(b"ratelimit-policy") or b"", tltype="list")
    assert policy == [(name, {"q": rate, "w": window})]
    assert http_sf.parse(answer.get(b"ratelimit") or b"", tltype="list") == [(name, {"r": 0, "t": wait})]


async def test_who_would_wait_too_long_is_refused_at_once_with_the_limits_fields(outrider):
    ledger = Ledger()
    async with RawUpstream(ledger.script) as upstream:
        running = await outrider(limited(upstream.url, {"rate": "1/1h", "max_wait": "2s"}))
        assert (await running.request()).status == 200
        check_refusal(await running.request(), "upstream", 1, 3600)
        assert len(ledger.came) == 1


async def test_who_would_miss_its_deadline_is_refused_at_once(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(limited(upstream.url, {"rate": "1/4s", "max_wait": "1h"}))
        await running.request()
        answer = await running.request(b"GET", b"/", b"Outrider-Timeout: 200ms")
        assert answer.code == "rate_limited"


async def test_an_identical_request_is_not_sent_twice_within_its_window(outrider):
    ledger = Ledger()
    async with RawUpstream(ledger.script) as upstream:
        config = limited(upstream.url, {"rate": "100/s"})
        config["upstreams"]["api"]["routes"] = [
            {"match": "POST /reports", "rate_limit": {"rate": "1/1h", "key": "fingerprint", "max_wait": 0}}
        ]
        running = await outrider(config)
        for content, status in ((b"march", 200), (b"april", 200), (b"march", 429)):
            assert (await running.request(b"POST", b"/reports", content=content)).status == status
        check_refusal(await running.request(b"POST", b"/reports", content=b"april"), "fingerprint", 1, 3600)
        assert [request.content for request in upstream.requests] == [b"march", b"april"]


async def test_large_content_reaches_the_upstream_whole_beneath_a_fingerprint(outrider):
    data = bytes(range(256)) * 8192
    async with RawUpstream(answers()) as upstream:
        running = await outrider(limited(upstream.url, {"rate": "1/1h", "key": "fingerprint", "max_wait": 0}))
        assert (await running.request(b"POST", content=data)).status == 200
        chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)
        async with await running.caller() as caller:
            await caller.send(running.head(b"PUT", b"/", b"Transfer-Encoding: chunked") + chunked)
            assert (await caller.answer(b"PUT")).status == 200
        assert [request.content for request in upstream.requests] == [data, data]


async def test_values_of_a_field_are_limited_apart(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(limited(upstream.url, {"rate": "1/1h", "key": "field:X-User", "max_wait": 0}))
        asked = [b"X-User: 1", b"X-User: 2", b"x-user: 1", b"X-Other: 1", b"X-Other: 2"]
        statuses = [(await running.request(b"GET", b"/", line)).status for line in asked]
    assert statuses == [200, 200, 429, 200, 429]


async def test_all_of_several_limits_must_let_a_request_pass(outrider):
    async with RawUpstream(answers()) as upstream:
        limits = [{"rate": "1000/s"}, {"rate": "2/1h", "burst": 2, "max_wait": 0}]
        running = await outrider(limited(upstream.url, limits))
        statuses = [(await running.request()).status for _ in range(4)]
    assert statuses == [200, 200, 429, 429]


async def test_further_attempts_spend_of_the_limit_too(outrider):
    ledger = Ledger(b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n")
    async with RawUpstream(ledger.script) as upstream:
        config = limited(upstream.url, {"rate": "2/1h", "burst": 2, "max_wait": 0})
        config["upstreams"]["api"]["retry"] = {"attempts": 5, "backoff": {"base": "1ms"}}
        running = await outrider(config)
        assert (await running.request()).code == "rate_limited"
        assert len(ledger.came) == 2


async def test_a_caller_that_leaves_the_line_makes_room(outrider):
    ledger = Ledger()
    async with RawUpstream(ledger.script) as upstream:
        running = await outrider(limited(upstream.url, {"rate": "4/s", "burst": 1, "max_wait": "400ms"}))
        await running.request(b"GET", b"/first")
        async with await running.caller() as caller:
            await caller.send(running.head(b"GET", b"/left"))
            await running.has_in_flight(lambda count: count == 1)
        await running.has_in_flight(lambda count: count == 0)
        assert (await running.request(b"GET", b"/third")).status == 200
        assert ledger.targets == [b"/first", b"/third"]


async def test_the_callers_own_interval_refuses_the_same_thing_twice(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        field = b"Outrider-Min-Interval: 1h"
        statuses = [
            (await running.request(b"POST", b"/pay", field, content=content)).status for content in (b"1", b"2", b"1")
        ]
        assert statuses == [200, 200, 429]
        assert (await running.request(b"POST", b"/pay", content=b"1")).status == 200
        assert upstream.requests[0].head.get(b"outrider-min-interval") is None


async def test_further_attempts_are_the_same_request_to_its_interval(outrider):
    ledger = Ledger(b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n")
    async with RawUpstream(ledger.script) as upstream:
        running = await outrider(facing(upstream.url, upstream={"retry": {"backoff": {"base": "1ms"}}}))
        assert (await running.request(b"GET", b"/", b"Outrider-Min-Interval: 1h")).status == 503
        assert len(ledger.came) == 3


@pytest.mark.parametrize(("rate", "seconds"), [(2000, 1.5)])
async def test_more_than_enough_goes_at_the_rate_in_real_time(outrider, scale, rate, seconds):
    """A bounded stretch of real time; the long run takes ten seconds. On a busy machine it may be less, never more."""
    seconds = scale(int(seconds * 10), 100) / 10
    ledger = Ledger()
    async with RawUpstream(ledger.script) as upstream:
        running = await outrider(limited(upstream.url, {"rate": f"{rate}/s", "burst": 50, "max_wait": "10s"}))
        end = time.monotonic() + seconds

        async def keep_asking() -> None:
            async with await running.caller() as caller:
                while time.monotonic() < end:
                    await caller.send(running.head())
                    await caller.answer()

        await asyncio.gather(*(keep_asking() for _ in range(40)))
    came = [moment - ledger.came[0] for moment in ledger.came]
    # Between two moments no more than the burst and the rate; a tick of the loops on both sides is allowed for.
    for first in range(0, len(came), 50):
        for last in range(first, len(came), 50):
            assert last - first <= 50 + (came[last] - came[first] + 0.02) * rate * 1.01
