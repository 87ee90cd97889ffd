"""Hooks of a running Outrider: what is told, once, beside the requests and never in their way."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import answers, never_answers

DONE = b"HTTP/1.1 204 No Content\r\n\r\n"
GONE = (
    b'HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 25\r\n\r\n{"error":"invalid_grant"}'
)


async def told(receiver: RawUpstream, number: int) -> list[dict[str, Any]]:
    """The first `number` notices."""
    async with asyncio.timeout(5):
        while len(receiver.requests) < number:
            await asyncio.sleep(0.005)
    return [json.loads(request.content) for request in receiver.requests]


async def test_a_profiles_hook_is_told_once_that_its_session_is_over(outrider: Any) -> None:
    async with RawUpstream(answers(DONE)) as receiver, RawUpstream(answers(GONE)) as tokens:
        person = {
            "type": "oauth2",
            "grant": "refresh_token",
            "token_url": f"{tokens.url}/token",
            "client_id": "web",
            "client_secret": "made-up",
            "refresh_token": "made-up-too",
            "on_session_expired": {"webhook": f"{receiver.url}/expired"},
        }
        config = facing("http://127.0.0.1:9", auth=False, upstream={"auth": "person"})
        config["auth"] = {"person": person}
        running = await outrider(config)
        answered = await asyncio.gather(*(running.request() for _ in range(10)))
        assert {answer.status for answer in answered} == {401}
        (notice,) = await told(receiver, 1)
        metrics = await _metrics(running)
        assert len(receiver.requests) == 1
    assert (notice["hook"], notice["kind"], notice["profile"]) == ("on_session_expired", "session.expired", "person")
    assert b"made-up" not in receiver.requests[0].content
    assert 'outrider_hooks_total{hook="auth.person.on_session_expired",result="delivered"} 1.0' in metrics


async def _metrics(running: Any) -> str:
    import aiohttp

    async with aiohttp.ClientSession() as client, client.get(f"{running.admin_url}/metrics") as response:
        return await response.text()


async def test_a_flood_of_errors_is_few_notices_that_count_them_all(outrider: Any) -> None:
    async with RawUpstream(answers(DONE)) as receiver:
        config = facing(
            "http://127.0.0.1:9",
            auth=False,
            upstream={"retry": {"attempts": 1}},
            hooks={"on_error": {"webhook": receiver.url, "every": "300ms"}},
        )
        running = await outrider(config)
        await asyncio.gather(*(running.request() for _ in range(40)))
        notices = await told(receiver, 2)
        assert len(receiver.requests) <= 3
    assert sum(notice["count"] for notice in notices) == 40
    assert notices[-1]["codes"] == {"upstream_connect_failed": notices[-1]["count"]}


async def test_a_hook_that_hangs_holds_up_no_request_and_no_stop_for_long(outrider: Any, httpbin: str) -> None:
    async with RawUpstream(never_answers()) as receiver:
        hooks = {"on_error": {"webhook": receiver.url, "every": "1ms", "timeout": "30s"}}
        running = await outrider(facing(httpbin, auth=False, upstream={"match": {"prefix": "/here"}}, hooks=hooks))
        for _ in range(20):
            assert (await running.request(b"GET", b"/elsewhere")).status == 404
        assert (await running.request(b"GET", b"/here/json")).status == 200
        async with asyncio.timeout(6):
            await running.stop()


async def test_what_happened_last_is_told_before_the_end(outrider: Any) -> None:
    async with RawUpstream(answers(DONE)) as receiver:
        hooks = {"on_error": {"webhook": receiver.url, "every": "1h"}}
        running = await outrider(facing("http://127.0.0.1:9", upstream={"match": {"prefix": "/x"}}, hooks=hooks))
        for _ in range(3):
            await running.request(b"GET", b"/elsewhere")
        await running.stop()
        notices = await told(receiver, 2)
    assert [notice["count"] for notice in notices] == [1, 2]


async def test_a_command_is_told_of_a_refresh(outrider: Any, tmp_path: Path) -> None:
    token = b'{"access_token":"made-up","expires_in":1}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(token), token)

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(answer)

    async with RawUpstream(script) as tokens, RawUpstream(answers()) as upstream:
        machine = {
            "type": "oauth2",
            "grant": "client_credentials",
            "token_url": tokens.url,
            "client_id": "a",
            "client_secret": "b",
        }
        out = tmp_path / "told"
        hooks = {"on_refresh": {"command": ["sh", "-c", f'cat >> {out}; echo "$OUTRIDER_EVENT_PROFILE" >> {out}.done']}}
        config = facing(upstream.url, auth=False, upstream={"auth": "machine"}, hooks=hooks)
        config["auth"] = {"machine": machine}
        running = await outrider(config, {"PATH": "/usr/bin:/bin"})
        async with asyncio.timeout(8):
            while not (tmp_path / "told.done").exists():
                await running.request()
                await asyncio.sleep(0.02)
    assert json.loads(out.read_text().splitlines()[0])["kind"] == "session.refreshed"
