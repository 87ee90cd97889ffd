"""Sessions through the admin plane: renewed now, ended with everything that hangs on them, begun from elsewhere."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.peers.admin import Admin
from tests.peers.caller import Answer
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import Outrider, facing
from tests.peers.scripts import OK, answers, never_answers
from tests.peers.token_server import TokenServer, answer


def config(server: TokenServer, api: str, **more: Any) -> dict[str, Any]:
    return {"auth": {"p": server.profile(**more)}, "upstreams": {"api": {"url": api, "auth": "p"}}}


def said(found: Answer) -> dict[str, Any]:
    assert found.status == 200, found
    return json.loads(found.content)


async def in_flight(admin: Admin, count: int, **wanted: Any) -> None:
    async with asyncio.timeout(8):
        while True:
            found = (await admin.get("/api/requests"))["requests"]
            if sum(wanted.items() <= one.items() for one in found) == count:
                return
            await asyncio.sleep(0.005)


async def test_a_refresh_takes_a_new_token_at_once_and_the_next_request_uses_it(outrider, server) -> None:
    async with RawUpstream(answers()) as api:
        running = await outrider(config(server, api.url))
        await running.request()
        view = said(await Admin(running.admin_port).post("/api/profiles/p/refresh"))
        await running.request()
        first, second = (head.get(b"authorization") for head in api.heads)
    assert first != second
    assert server.exchanges == 2
    assert (view["state"], view["refreshes"]["success"]) == ("valid", 2)
    assert view["expires_at"] > 0


async def test_a_refresh_that_fails_leaves_the_token_that_there_is(outrider, server) -> None:
    async with RawUpstream(answers()) as api:
        running = await outrider(config(server, api.url))
        server.next.append(answers(answer(500, b"")))
        failed = await Admin(running.admin_port).post("/api/profiles/p/refresh")
        assert (failed.status, failed.code) == (503, "credential_unavailable")
        assert (await running.request()).status == 200


async def test_two_refreshes_at_once_are_one_exchange(outrider, server) -> None:
    async with RawUpstream(answers()) as api:
        running = await outrider(config(server, api.url))
        admin = Admin(running.admin_port)
        found = await asyncio.gather(*(admin.post("/api/profiles/p/refresh") for _ in range(5)))
    assert [one.status for one in found] == [200] * 5
    assert server.exchanges <= 3


@pytest.mark.parametrize("deed", ["refresh", "terminate"])
async def test_a_profile_without_a_session_and_one_that_is_not_there_are_told_apart(outrider, deed: str) -> None:
    async with RawUpstream(answers()) as api:
        running = await outrider(facing(api.url))
        admin = Admin(running.admin_port)
        fixed = await admin.post(f"/api/profiles/token/{deed}")
        assert (fixed.status, fixed.code) == (409, "not_possible")
        nobody = await admin.post(f"/api/profiles/nobody/{deed}")
        assert (nobody.status, nobody.code) == (404, "not_found")
        assert (await running.request()).status == 200


async def test_an_end_cancels_every_pending_request_of_the_session_uploads_included(outrider, server) -> None:
    async def reads(connection: Connection) -> None:
        await connection.head()
        while True:
            await connection.more()

    async with RawUpstream(reads) as api, RawUpstream(never_answers()) as other:
        both = config(server, api.url)
        both["upstreams"]["other"] = {"url": other.url, "match": {"prefix": "/other"}}
        running = await outrider(both)
        admin = Admin(running.admin_port)
        async with (
            await running.caller() as waiting,
            await running.caller() as sending,
            await running.caller() as bare,
            await running.caller() as elsewhere,
            admin.events() as events,
        ):
            await waiting.send(running.head())
            await sending.send(running.head(b"PUT", b"/", b"Content-Length: 9000000") + b"x" * 70_000)
            await bare.send(running.head(b"GET", b"/", b"Outrider-Auth: none", b"Outrider-Request-Id: bare"))
            await elsewhere.send(running.head(b"GET", b"/other", b"Outrider-Request-Id: elsewhere"))
            await in_flight(admin, 3, stage="wait")
            await in_flight(admin, 1, stage="upload")
            ended = said(await admin.post("/api/profiles/p/terminate"))
            assert ended["cancelled"] == 2
            for caller in (waiting, sending):
                found = await caller.answer()
                assert (found.status, found.code) == (401, "session_terminated")
            left = (await admin.get("/api/requests"))["requests"]
            assert sorted(one["id"] for one in left) == ["bare", "elsewhere"]
            assert (await events.until("session.terminated"))["profile"] == "p"
            after = await running.request()
            assert (after.status, after.code) == (401, "session_expired")
            kinds = [event.kind for event in running.daemon._pipeline.tallies.events.since(0, "session")]
            assert kinds.count("session.terminated") == 1
        assert server.exchanges == 1


async def test_an_end_in_one_daemon_cancels_the_pending_requests_of_another_on_the_same_state(
    outrider, server, tmp_path: Path
) -> None:
    first = server.begin_family()
    async with RawUpstream(never_answers()) as api, RawUpstream(answers()) as receiver:
        shared = {
            "auth": {"p": server.person(first, on_session_expired={"webhook": receiver.url})},
            "upstreams": {"api": {"url": api.url, "auth": "p"}},
            "state": {"dir": str(tmp_path / "state")},
        }
        one, other = await outrider(shared), await outrider(shared)
        async with await other.caller() as caller:
            await caller.send(other.head())
            await in_flight(Admin(other.admin_port), 1, stage="wait")
            said(await Admin(one.admin_port).post("/api/profiles/p/terminate"))
            found = await caller.answer()
            assert (found.status, found.code) == (401, "session_terminated")
        for running in (one, other):
            after = await running.request()
            assert (after.status, after.code) == (401, "session_expired")
            kinds = [event.kind for event in running.daemon._pipeline.tallies.events.since(0, "session")]
            assert kinds.count("session.terminated") == 1
        async with asyncio.timeout(5):
            while len(receiver.requests) < 2:
                await asyncio.sleep(0.005)
    # Each daemon tells its own hooks.
    assert [json.loads(request.content)["kind"] for request in receiver.requests] == ["session.terminated"] * 2


async def test_an_end_cuts_an_answer_that_is_under_way(outrider, server) -> None:
    async def sends_half(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf.")
        await connection.gone()

    async with RawUpstream(sends_half) as api:
        running = await outrider(config(server, api.url))
        admin = Admin(running.admin_port)
        async with await running.caller() as caller:
            await caller.send(running.head())
            await in_flight(admin, 1, stage="answer")
            assert said(await admin.post("/api/profiles/p/terminate"))["cancelled"] == 1
            assert not (await caller.answer()).whole


async def test_an_end_reaches_those_who_wait_for_the_token(outrider, server) -> None:
    async with RawUpstream(answers()) as api:
        server.next.append(never_answers())
        running = await outrider(config(server, api.url, prewarm=False))
        admin = Admin(running.admin_port)
        async with await running.caller() as caller:
            await caller.send(running.head())
            await in_flight(admin, 1, stage="authenticate")
            await admin.post("/api/profiles/p/terminate")
            assert (await caller.answer()).code == "session_terminated"
        assert (await running.request()).code == "session_expired"
        assert not api.heads


async def test_a_refresh_does_not_begin_a_session_again_that_was_ended(outrider, server) -> None:
    async with RawUpstream(answers()) as api:
        running = await outrider(config(server, api.url))
        admin = Admin(running.admin_port)
        await admin.post("/api/profiles/p/terminate")
        again = await admin.post("/api/profiles/p/refresh")
        assert (again.status, again.code) == (409, "not_possible")
        assert (await running.request()).code == "session_expired"
    assert server.exchanges == 1


async def test_tokens_from_elsewhere_begin_a_session(outrider, server) -> None:
    async with RawUpstream(answers()) as api:
        profile = server.profile(grant="refresh_token", refresh_token=server.begin_family())
        running = await outrider({"auth": {"p": profile}, "upstreams": {"api": {"url": api.url, "auth": "p"}}})
        admin = Admin(running.admin_port)
        await admin.post("/api/profiles/p/terminate")
        assert (await running.request()).code == "session_expired"
        view = said(
            await admin.post(
                "/api/profiles/p/session",
                {"access_token": "canary-installed", "refresh_token": server.begin_family(), "expires_in": 600},
            )
        )
        assert view["state"] == "valid"
        assert (await running.request()).status == 200
        assert api.heads[-1].get(b"authorization") == b"Bearer canary-installed"
        shown = json.dumps([await admin.get(path) for path in ("/api/state", "/api/profiles", "/api/config")])
        assert "canary-installed" not in shown
        assert "canary" not in str([event.facts for event in running.daemon._pipeline.tallies.events.since(0)])


async def test_an_access_token_tells_its_own_end(outrider, server) -> None:
    async with RawUpstream(answers()) as api:
        running = await outrider(config(server, api.url))
        admin = Admin(running.admin_port)
        now = (await admin.get("/api/state"))["at"]
        claims = base64.urlsafe_b64encode(json.dumps({"exp": int(now) + 1200}).encode()).rstrip(b"=").decode()
        token = f"e30.{claims}.c2ln"
        found = await admin.post("/api/profiles/p/session", {"access_token": token})
    if found.status == 409:
        pytest.fail(f"this grant takes no access token from elsewhere: {found.content!r}")
    assert said(found)["expires_at"] == pytest.approx(now + 1200, abs=10)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": "canary", "expires_in": 0},
        {"access_token": "canary", "expires_in": -1},
        {"access_token": "canary", "expires_in": "soon"},
        {"access_token": "canary", "expires_in": 1e300},
        {"access_token": "canary", "scope": "all"},
        {"access_token": "canary", "canary": 1},
        ["canary"],
    ],
)
async def test_wrong_tokens_change_nothing_and_are_not_repeated(outrider, server, content: object) -> None:
    async with RawUpstream(answers()) as api:
        running: Outrider = await outrider(config(server, api.url))
        found = await Admin(running.admin_port).post("/api/profiles/p/session", content)
        assert (found.status, found.code) == (422, "content_not_valid")
        assert b"canary" not in found.content
        assert (await running.request()).status == 200


async def test_a_token_that_no_field_can_carry_is_refused(outrider, server) -> None:
    async with RawUpstream(answers(OK)) as api:
        running = await outrider(config(server, api.url))
        found = await Admin(running.admin_port).post("/api/profiles/p/session", {"access_token": "two\r\nlines"})
        assert (found.status, found.code) == (409, "not_possible")
        assert (await running.request()).status == 200
