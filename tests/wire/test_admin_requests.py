"""Requests in flight: seen where they are, watched as they go, cancelled at every stage, upstream calls included."""

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.peers.admin import Admin
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import OK, answers, never_answers

NAMED = b"Outrider-Request-Id: mine"


@asynccontextmanager
async def in_front(outrider, script, **upstream: Any):
    """An Outrider before an upstream with this script, and who looks at it."""
    async with RawUpstream(script) as peer:
        running = await outrider(facing(peer.url, upstream=upstream))
        yield running, peer, Admin(running.admin_port)


async def shows(admin: Admin, **wanted: Any) -> dict[str, Any]:
    """Wait until a request is seen with these members."""
    async with asyncio.timeout(8):
        while True:
            for found in (await admin.get("/api/requests"))["requests"]:
                if wanted.items() <= found.items():
                    return found
            await asyncio.sleep(0.005)


async def cancelled(admin: Admin, name: str = "mine") -> int:
    answer = await admin.delete(f"/api/requests/{name}")
    assert answer.status == 200, answer
    return json.loads(answer.content)["cancelled"]


async def upstream_is_left(peer: RawUpstream) -> None:
    async with asyncio.timeout(5):
        for connection in peer.connections:
            await connection.ended.wait()


async def test_a_waiting_request_is_seen_with_what_is_known_of_it(outrider) -> None:
    async with in_front(outrider, never_answers()) as (running, _, admin), await running.caller() as caller:
        await caller.send(running.head(b"GET", b"/a/b?secret=1", NAMED))
        found = await shows(admin, stage="wait")
        assert found.pop("age") >= 0
        assert found == {
            "id": "mine",
            "caller": "",
            "upstream": "api",
            "method": "GET",
            "path": "/a/b",
            "stage": "wait",
            "attempt": 1,
            "bytes_up": 0,
            "bytes_up_total": 0,
            "bytes_down": 0,
            "bytes_down_total": None,
            "status": None,
            "error": None,
        }


async def test_a_request_that_has_ended_is_not_seen(outrider) -> None:
    async with in_front(outrider, answers()) as (running, _, admin), await running.caller() as caller:
        await caller.send(running.head())
        assert (await caller.answer()).status == 200
        assert await admin.get("/api/requests") == {"requests": []}


async def test_an_id_that_is_not_in_flight_is_404(outrider) -> None:
    async with in_front(outrider, answers()) as (_, _, admin):
        for method, path in (
            (b"GET", "/api/requests/x"),
            (b"GET", "/api/requests/x/events"),
            (b"DELETE", "/api/requests/x"),
        ):
            answer = await admin.ask(method, path, b"Outrider-Admin: 1")
            assert (answer.status, answer.code) == (404, "not_found")


async def test_a_cancelled_request_is_answered_and_its_upstream_connection_ends(outrider) -> None:
    async with in_front(outrider, never_answers()) as (running, peer, admin), await running.caller() as caller:
        await caller.send(running.head(b"GET", b"/", NAMED))
        await shows(admin, stage="wait")
        assert await cancelled(admin) == 1
        answer = await caller.answer()
        assert (answer.status, answer.code) == (503, "request_cancelled")
        await upstream_is_left(peer)


async def test_the_connection_of_a_cancelled_request_serves_the_next(outrider) -> None:
    async def first_waits(connection: Connection) -> None:
        await connection.request()
        if len(connection.upstream.connections) == 1:
            await connection.gone()
        else:
            await connection.send(OK)
            await connection.gone()

    async with in_front(outrider, first_waits) as (running, _, admin), await running.caller() as caller:
        await caller.send(running.head(b"GET", b"/", NAMED))
        await shows(admin, stage="wait")
        await cancelled(admin)
        assert (await caller.answer()).status == 503
        await caller.send(running.head())
        assert (await caller.answer()).status == 200


async def test_a_running_upload_moves_and_can_be_cancelled(outrider) -> None:
    size = 4 * 2**20

    async def reads(connection: Connection) -> None:
        await connection.head()
        while True:
            await connection.more()

    async with in_front(outrider, reads) as (running, peer, admin), await running.caller() as caller:
        await caller.send(running.head(b"PUT", b"/", NAMED, b"Content-Length: %d" % size))
        async with admin.events("/api/requests/mine/events") as events:
            await caller.send(b"x" * 1000)
            while (first := (await events.until("request.progress")))["bytes_up"] < 1000:
                pass
            await caller.send(b"x" * 300_000)
            while (second := (await events.until("request.progress")))["bytes_up"] < 301_000:
                pass
            assert (first["bytes_up_total"], first["stage"]) == (size, "upload")
            assert first["bytes_up"] < second["bytes_up"] <= size
            assert await cancelled(admin) == 1
            answer = await caller.answer()
            assert (answer.status, answer.code, answer.get(b"connection")) == (503, "request_cancelled", b"close")
            ended = await events.until("request.ended")
            assert (ended["status"], ended["error"]) == (503, "request_cancelled")
            with pytest.raises(EOFError):
                await events.next()
        await upstream_is_left(peer)


async def test_a_download_that_is_cancelled_is_cut_and_never_looks_whole(outrider) -> None:
    async def sends_half(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf.")
        await connection.gone()

    async with in_front(outrider, sends_half) as (running, peer, admin), await running.caller() as caller:
        await caller.send(running.head(b"GET", b"/", NAMED))
        found = await shows(admin, stage="answer", bytes_down=5)
        assert (found["bytes_down_total"], found["status"]) == (10, 200)
        assert await cancelled(admin) == 1
        assert not (await caller.answer()).whole
        await upstream_is_left(peer)


async def test_a_download_without_a_length_that_is_cancelled_is_cut_too(outrider) -> None:
    async def sends_on(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhalf.\r\n")
        await connection.gone()

    async with in_front(outrider, sends_on) as (running, peer, admin), await running.caller() as caller:
        await caller.send(running.head(b"GET", b"/", NAMED))
        assert (await shows(admin, stage="answer", bytes_down=5))["bytes_down_total"] is None
        await cancelled(admin)
        assert not (await caller.answer()).whole
        await upstream_is_left(peer)


async def test_a_tunnel_is_seen_and_cancelled(outrider) -> None:
    switching = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"

    async def upgrades(connection: Connection) -> None:
        await connection.head()
        await connection.send(switching + b"hello")
        await connection.gone()

    async with in_front(outrider, upgrades) as (running, peer, admin), await running.caller() as caller:
        await caller.send(running.head(b"GET", b"/", NAMED, b"Connection: Upgrade", b"Upgrade: raw"))
        assert (await caller.head()).status == 101
        await caller.send(b"abc")
        found = await shows(admin, stage="tunnel", bytes_up=3, bytes_down=5)
        assert (found["bytes_up_total"], found["bytes_down_total"]) == (None, None)
        assert await cancelled(admin) == 1
        await caller.rest()
        await upstream_is_left(peer)


@pytest.mark.parametrize(
    ("stage", "policy"),
    [
        ("rate_limit", {"rate_limit": {"rate": "1/m", "burst": 1, "max_wait": "1h"}}),
        ("concurrency", {"concurrency": {"limit": 1, "queue": 5, "max_wait": "1h"}}),
        ("connect", {"pool": {"connections": 1}, "timeout": {"connect": "1h"}}),
    ],
)
async def test_who_waits_in_a_line_of_ours_is_seen_there_and_cancelled_before_anything_is_sent(
    outrider, stage: str, policy: dict[str, Any]
) -> None:
    async with (
        in_front(outrider, never_answers(), **policy) as (running, peer, admin),
        await running.caller() as first,
        await running.caller() as second,
    ):
        await first.send(running.head())
        await shows(admin, stage="wait")
        await second.send(running.head(b"GET", b"/", NAMED))
        await shows(admin, id="mine", stage=stage)
        assert await cancelled(admin) == 1
        assert (await second.answer()).code == "request_cancelled"
        assert len(peer.heads) == 1


async def test_who_waits_for_another_attempt_is_seen_there_and_cancelled(outrider) -> None:
    busy = b"HTTP/1.1 503 Busy\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n"
    async with in_front(outrider, answers(busy)) as (running, peer, admin), await running.caller() as caller:
        await caller.send(running.head(b"GET", b"/", NAMED))
        assert (await shows(admin, stage="retry"))["attempt"] == 1
        assert await cancelled(admin) == 1
        assert (await caller.answer()).code == "request_cancelled"
        assert len(peer.heads) == 1


async def test_a_follower_that_is_cancelled_leaves_the_others_their_answer(outrider) -> None:
    go = asyncio.Event()

    async def answers_later(connection: Connection) -> None:
        await connection.request()
        await go.wait()
        await connection.send(OK)
        await connection.gone()

    async with (
        in_front(outrider, answers_later, dedup={}) as (running, peer, admin),
        await running.caller() as leader,
        await running.caller() as follower,
    ):
        await leader.send(running.head(b"GET", b"/", b"Outrider-Request-Id: first"))
        await shows(admin, id="first", stage="wait")
        await follower.send(running.head(b"GET", b"/", NAMED))
        await shows(admin, id="mine", stage="coalesce")
        assert await cancelled(admin) == 1
        assert (await follower.answer()).code == "request_cancelled"
        go.set()
        assert (await leader.answer()).status == 200
        assert len(peer.heads) == 1


async def test_a_leader_that_is_cancelled_leaves_its_call_to_the_others(outrider) -> None:
    go = asyncio.Event()

    async def answers_later(connection: Connection) -> None:
        await connection.request()
        await go.wait()
        await connection.send(OK)
        await connection.gone()

    async with (
        in_front(outrider, answers_later, dedup={}) as (running, peer, admin),
        await running.caller() as leader,
        await running.caller() as follower,
    ):
        await leader.send(running.head(b"GET", b"/", NAMED))
        await shows(admin, id="mine", stage="wait")
        await follower.send(running.head(b"GET", b"/", b"Outrider-Request-Id: second"))
        await shows(admin, id="second", stage="coalesce")
        assert await cancelled(admin) == 1
        assert (await leader.answer()).code == "request_cancelled"
        go.set()
        assert (await follower.answer()).status == 200
        assert len(peer.heads) == 1


async def test_the_last_one_aboard_that_is_cancelled_ends_the_call(outrider) -> None:
    async with (
        in_front(outrider, never_answers(), dedup={}) as (running, peer, admin),
        await running.caller() as caller,
    ):
        await caller.send(running.head(b"GET", b"/", NAMED))
        await shows(admin, stage="wait", attempt=1)
        await cancelled(admin)
        assert (await caller.answer()).code == "request_cancelled"
        await upstream_is_left(peer)


async def test_both_calls_of_a_hedged_request_end_with_it(outrider) -> None:
    hedge = {"after": "20ms"}
    async with (
        in_front(outrider, never_answers(), hedge=hedge) as (running, peer, admin),
        await running.caller() as caller,
    ):
        await caller.send(running.head(b"GET", b"/", NAMED))
        async with asyncio.timeout(5):
            while len(peer.heads) < 2:
                await asyncio.sleep(0.005)
        await cancelled(admin)
        assert (await caller.answer()).code == "request_cancelled"
        await upstream_is_left(peer)


async def test_who_waits_for_a_token_is_seen_there_and_cancelled_alone(outrider) -> None:
    async with RawUpstream(answers()) as peer, RawUpstream(never_answers()) as tokens:
        profile = {
            "type": "oauth2", "grant": "client_credentials", "token_url": tokens.url + "/token", "client_id": "me",
            "client_secret": "made-up", "prewarm": False,
        }  # fmt: skip
        running = await outrider({"auth": {"api": profile}, "upstreams": {"api": {"url": peer.url, "auth": "api"}}})
        admin = Admin(running.admin_port)
        async with await running.caller() as caller, await running.caller() as other:
            await caller.send(running.head(b"GET", b"/", NAMED))
            await shows(admin, id="mine", stage="authenticate")
            await other.send(running.head(b"GET", b"/", b"Outrider-Request-Id: other"))
            await shows(admin, id="other", stage="authenticate")
            await cancelled(admin)
            assert (await caller.answer()).code == "request_cancelled"
            assert [one["id"] for one in (await admin.get("/api/requests"))["requests"]] == ["other"]
        assert not peer.heads


async def test_two_of_one_name_are_both_seen_and_both_cancelled(outrider) -> None:
    async with (
        in_front(outrider, never_answers()) as (running, _, admin),
        await running.caller() as one,
        await running.caller() as two,
    ):
        for caller in (one, two):
            await caller.send(running.head(b"GET", b"/", NAMED))
        async with asyncio.timeout(5):
            while len((await admin.get("/api/requests"))["requests"]) < 2:
                await asyncio.sleep(0.005)
        assert len((await admin.get("/api/requests/mine"))["requests"]) == 2
        assert await cancelled(admin) == 2
        assert [(await caller.answer()).status for caller in (one, two)] == [503, 503]


async def test_a_name_with_odd_characters_is_found_by_its_encoding(outrider) -> None:
    async with in_front(outrider, never_answers()) as (running, _, admin), await running.caller() as caller:
        await caller.send(running.head(b"GET", b"/", b"Outrider-Request-Id: 50%25!|~"))
        await shows(admin, id="50%25!|~")
        assert await cancelled(admin, "50%2525!%7C~") == 1


async def test_a_caller_that_leaves_in_the_moment_of_the_cancel_leaves_nothing_behind(outrider) -> None:
    async with in_front(outrider, never_answers()) as (running, peer, admin):
        for _ in range(20):
            async with await running.caller() as caller:
                await caller.send(running.head(b"GET", b"/", NAMED))
                await shows(admin, stage="wait")
                visit = running.daemon._edge.visits()[0]
                caller.transport.abort()
                await admin.delete("/api/requests/mine")
                del visit
        await running.has_in_flight(lambda count: count == 0)
        await upstream_is_left(peer)


async def test_a_cancel_is_counted_as_any_other_outcome(outrider) -> None:
    async with in_front(outrider, never_answers()) as (running, _, admin), await running.caller() as caller:
        await caller.send(running.head(b"GET", b"/", NAMED))
        await shows(admin, stage="wait")
        async with admin.events() as events:
            await cancelled(admin)
            assert (await events.until("request.error"))["code"] == "request_cancelled"
        await caller.answer()
        tally = running.daemon._pipeline.tallies["api"]
        assert tally.requests == {("GET", 503): 1}
        assert tally.attempts["cancelled"] == 1
        assert tally.in_flight == 0
