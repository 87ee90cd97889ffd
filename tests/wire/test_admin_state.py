"""The state of a daemon in one document; the log level; a thousand requests in flight; the guard on every path."""

import asyncio
import contextlib
import json
import logging
import time

import pytest

from proxy.observe.log import LOGGER
from tests.peers.admin import Admin
from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import TOKEN, facing
from tests.peers.scripts import answers, never_answers

CHANGES = [
    ("DELETE", "/api/requests/x"),
    ("POST", "/api/log-level"),
    ("POST", "/api/profiles/token/refresh"),
    ("POST", "/api/profiles/token/terminate"),
    ("POST", "/api/profiles/token/session"),
]
LOOKS = ["/api/state", "/api/profiles", "/api/requests", "/api/requests/x", "/api/events", "/api/openapi.json"]


async def test_the_state_tells_what_the_upstreams_did(outrider) -> None:
    async with RawUpstream(answers()) as upstream:
        policies = {"concurrency": {"limit": 3}, "rate_limit": {"rate": "100/s"}, "breaker": {}}
        running = await outrider(facing(upstream.url, upstream=policies))
        for _ in range(3):
            assert (await running.request(b"POST", content=b"12345")).status == 200
        await running.request(b"GET", b"/", b"Outrider-Nonsense: 1")
        state = await Admin(running.admin_port).get("/api/state")
    api, nowhere = state["upstreams"]
    assert (api["name"], api["url"], api["profile"], nowhere["name"]) == ("api", upstream.url, "token", "-")
    assert (api["requests"], api["statuses"], api["in_flight"]) == (4, {"2xx": 3, "4xx": 1}, 0)
    assert (api["bytes_up"], api["bytes_down"]) == (15, 6)
    assert (api["circuit"], api["concurrency"]) == ("closed", {"limit": 3, "in_use": 0, "waiting": 0})
    assert (api["rate_waiting"], api["quota_remaining"]) == (0, None)
    (limit,) = api["rate_limits"]
    assert (limit["rate"], limit["burst"]) == ("100/s", 10)
    assert 7 <= limit["room"] <= 10
    assert api["errors"] == {"bad_request": 1}
    assert api["failed"] == 1
    assert 0 < api["latency"]["p50"] <= api["latency"]["p99"]
    assert sum(api["latency"]["counts"]) == 4
    assert len(api["latency"]["counts"]) == len(state["latency_bounds"]) + 1
    assert [error["code"] for error in state["errors"]] == ["bad_request"]
    assert (state["phase"], state["reasons"]) == ("ready", [])
    assert state["uptime"] >= 0
    assert state["started_at"] <= state["at"]


async def test_the_state_tells_who_waits_and_what_is_in_flight(outrider) -> None:
    async with RawUpstream(never_answers()) as upstream, contextlib.AsyncExitStack() as open_:
        running = await outrider(facing(upstream.url, upstream={"concurrency": {"limit": 1, "max_wait": "1h"}}))
        admin = Admin(running.admin_port)
        for _ in range(3):
            caller = await open_.enter_async_context(await running.caller())
            await caller.send(running.head())
        await running.has_in_flight(lambda count: count == 3)
        async with asyncio.timeout(5):
            while (state := await admin.get("/api/state"))["upstreams"][0]["concurrency"]["waiting"] < 2:
                await asyncio.sleep(0.005)
        assert state["in_flight"] == len(state["requests"]) == 3
        assert sorted(request["stage"] for request in state["requests"]) == ["concurrency", "concurrency", "wait"]


async def test_a_quota_is_told_with_its_limit(outrider) -> None:
    fields = b'RateLimit-Policy: "day";q=50, "minute";q=9\r\nRateLimit: "day";r=20;t=60, "minute";r=8;t=60\r\n'
    async with RawUpstream(answers(b"HTTP/1.1 200 OK\r\n" + fields + b"content-length: 0\r\n\r\n")) as upstream:
        running = await outrider(facing(upstream.url))
        await running.request()
        api, _ = (await Admin(running.admin_port).get("/api/state"))["upstreams"]
    # Of the two the one that has the least left.
    assert (api["quota_remaining"], api["quota_limit"]) == (8, 9)


async def test_failures_are_the_upstreams_and_our_own_each_once(outrider) -> None:
    async with RawUpstream(answers(b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n")) as upstream:
        running = await outrider(facing(upstream.url, upstream={"breaker": {"min_calls": 2}, "retry": {"attempts": 1}}))
        for _ in range(5):
            await running.request()
        await running.request(b"GET", b"/", b"Outrider-Nonsense: 1")
        api, _ = (await Admin(running.admin_port).get("/api/state"))["upstreams"]
    assert (api["statuses"], api["errors"]) == ({"5xx": 5, "4xx": 1}, {"bad_request": 1, "circuit_open": 3})
    assert api["failed"] == 6


async def test_profiles_tell_their_state_and_nothing_secret(outrider) -> None:
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        await running.request()
        admin = Admin(running.admin_port)
        (profile,) = (await admin.get("/api/profiles"))["profiles"]
        shown = json.dumps([await admin.get(path) for path in ("/api/state", "/api/profiles", "/api/config")])
    assert (profile["name"], profile["type"], profile["state"]) == ("token", "bearer", "fixed")
    assert (profile["upstreams"], profile["unusable"]) == (["api"], None)
    assert (profile["wants_login"], profile["in_flight"]) == (False, 0)
    assert TOKEN not in shown


async def test_a_thousand_requests_in_flight_are_listed_in_time(outrider) -> None:
    async with RawUpstream(never_answers()) as upstream, contextlib.AsyncExitStack() as open_:
        limits = {"in_flight": 2000, "connections": 3000}
        running = await outrider(facing(upstream.url, limits=limits, upstream={"pool": {"connections": 2000}}))
        for _ in range(1000):
            caller = await open_.enter_async_context(await running.caller())
            await caller.send(running.head())
        await running.has_in_flight(lambda count: count == 1000)
        admin = Admin(running.admin_port)
        took = []
        for _ in range(3):
            began = time.perf_counter()
            found = await admin.get("/api/requests")
            took.append(time.perf_counter() - began)
            assert len(found["requests"]) == 1000
        # The goal is 50 ms on a machine of its own; the first one also makes the serialiser.
        assert min(took) < 0.15, took
        assert len((await admin.get("/api/state"))["requests"]) == 100


async def test_the_log_level_is_changed_while_running(outrider) -> None:
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        admin = Admin(running.admin_port)
        before = (await admin.get("/api/log-level"))["level"]
        try:
            for level in ("debug", "error"):
                assert json.loads((await admin.post("/api/log-level", {"level": level})).content) == {"level": level}
                assert await admin.get("/api/log-level") == {"level": level}
                assert logging.getLogger(LOGGER).level == getattr(logging, level.upper())
        finally:
            await admin.post("/api/log-level", {"level": before})


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 415, "unsupported_content"),
        (b'{"level": "loud"}', 422, "content_not_valid"),
        (b'{"level": "info", "for": "ever"}', 422, "content_not_valid"),
        (b"x" * 70_000, 413, "content_too_large"),
    ],
)
async def test_wrong_content_is_refused_on_the_wire(outrider, content: bytes, status: int, code: str) -> None:
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        lines = (b"Outrider-Admin: 1", *((b"Content-Type: application/json",) if content else ()))
        answer = await Admin(running.admin_port).ask(b"POST", "/api/log-level", *lines, content=content)
    assert (answer.status, answer.code) == (status, code)


async def test_chunked_content_is_capped_too(outrider) -> None:
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        async with await type(await running.caller()).connect(running.admin_port) as caller:
            head = b"POST /api/log-level HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nTransfer-Encoding: chunked\r\n\r\n"
            await caller.send(head % running.admin_port + 5 * (b"8000\r\n" + b"x" * 0x8000 + b"\r\n"))
            assert (await caller.answer()).code == "content_too_large"


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_a_change_wants_its_field_and_its_method(outrider, method: str, path: str) -> None:
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        admin = Admin(running.admin_port)
        for lines in ((), (b"Outrider-Admin: 0",), (b"X-Outrider-Admin: 1",)):
            answer = await admin.ask(method.encode(), path, *lines)
            assert (answer.status, answer.code) == (403, "confirmation_missing")
        wrong = await admin.ask(b"PUT", path, b"Outrider-Admin: 1")
        assert (wrong.status, wrong.code) == (405, "method_not_allowed")
        assert method.encode() in (wrong.get(b"allow") or b"")


async def test_another_method_is_refused_whatever_comes_with_it(outrider) -> None:
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await Admin(running.admin_port).ask(b"PUT", "/api/log-level", content=b'{"level": "info"}')
    assert (answer.status, answer.code) == (405, "method_not_allowed")


async def test_an_admin_token_that_cannot_be_read_opens_nothing(outrider) -> None:
    async with RawUpstream(answers()) as upstream:
        running = await outrider(
            facing(upstream.url, admin={"listen": "127.0.0.1:0", "token": {"exec": ["/bin/false"]}})
        )
        for lines in ((), (b"Authorization: Bearer ",)):
            answer = await Admin(running.admin_port).ask(b"GET", "/api/state", *lines)
            assert (answer.status, answer.code) == (503, "admin_token_unavailable")


@pytest.mark.parametrize("path", [*LOOKS, *(path for _, path in CHANGES)])
async def test_strangers_get_nothing_from_any_path(outrider, path: str) -> None:
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, admin={"listen": "127.0.0.1:0", "token": "made-up"}))
        for method in (b"GET", b"POST", b"DELETE"):
            confirmed = (b"Outrider-Admin: 1", b"Authorization: Bearer made-up")
            foreign = await running_admin(running).ask(method, path, *confirmed, b"Origin: https://evil.example")
            assert (foreign.status, foreign.code) == (403, "origin_not_allowed")
            other_site = await running_admin(running).ask(method, path, *confirmed, b"Sec-Fetch-Site: cross-site")
            assert other_site.status == 403
            tokenless = await running_admin(running).ask(method, path, b"Outrider-Admin: 1")
            assert (tokenless.status, tokenless.code) == (401, "admin_token_wanted")
            assert tokenless.get(b"www-authenticate") == b'Bearer realm="outrider"'


def running_admin(running) -> Admin:
    return Admin(running.admin_port)
