"""Sessions on the wire: a real daemon between callers, a token server and the API that takes its tokens."""

import asyncio
import json
import resource
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.config.load import load_text
from proxy.daemon import Daemon
from tests.peers.caller import Caller
from tests.peers.running import Outrider
from tests.peers.scripts import closes_unanswered, resets_unanswered
from tests.peers.token_server import SECRET, TokenServer, answer, facing

Start = Callable[..., Awaitable[Outrider]]


def seed(folder: Path, token: str) -> dict[str, str]:
    path = folder / "first"
    beside = folder / "first.new"
    beside.touch(mode=0o600)
    beside.write_text(token)
    beside.rename(path)
    return {"file": str(path)}


def most_files() -> None:
    """Both ends of every connection are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < 4096:
        pytest.skip("this system allows too few open files")


async def metrics(outrider: Outrider) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", outrider.admin_port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" % outrider.admin_port)
    text = (await reader.read()).decode()
    writer.close()
    return text


async def test_a_token_is_obtained_at_start_and_used_for_every_request(outrider: Start, server: TokenServer) -> None:
    running = await outrider(facing(server, server.profile()))
    assert [(await running.request()).status for _ in range(3)] == [200] * 3
    assert server.exchanges == 1


async def test_without_prewarm_the_first_request_obtains_it(outrider: Start, server: TokenServer) -> None:
    running = await outrider(facing(server, server.profile(prewarm=False)))
    assert server.exchanges == 0
    assert (await running.request()).status == 200
    assert server.exchanges == 1


@pytest.mark.parametrize(
    ("method", "content"), [(b"GET", b""), (b"POST", b"an order"), (b"PUT", b"x" * 100_000), (b"PATCH", b"p" * 3)]
)
async def test_a_refused_token_is_refreshed_and_the_request_replayed_once(
    outrider: Start, server: TokenServer, method: bytes, content: bytes
) -> None:
    running = await outrider(facing(server, server.profile()))
    server.expire_tokens()
    answered = await running.request(method, b"/orders", content=content)
    assert (answered.status, answered.content) == (200, content or b"ok")
    assert (server.exchanges, len(server.api_requests)) == (2, 2)
    assert answered.get(b"proxy-status") == b"outrider; attempts=2; refreshed"


@pytest.mark.parametrize("retry", [{"attempts": 1}, {"attempts": 3}])
async def test_a_chunked_upload_is_replayed_with_and_without_retries(
    outrider: Start, server: TokenServer, retry: dict[str, int]
) -> None:
    config = facing(server, server.profile())
    config["upstreams"]["api"]["retry"] = retry
    running = await outrider(config)
    server.expire_tokens()
    async with await running.caller() as caller:
        await caller.send(running.head(b"POST", b"/", b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n")
        await asyncio.sleep(0.05)
        await caller.send(b"3\r\ndef\r\n0\r\n\r\n")
        answered = await caller.answer(b"POST", 10)
    assert (answered.status, answered.content) == (200, b"abcdef")


@pytest.mark.parametrize("framing", [b"Content-Length: 6", b"Transfer-Encoding: chunked"])
async def test_an_upload_that_a_limit_has_read_ahead_is_replayed(
    outrider: Start, server: TokenServer, framing: bytes
) -> None:
    config = facing(server, server.profile())
    config["upstreams"]["api"]["rate_limit"] = {"rate": "100/s", "burst": 10, "key": "fingerprint"}
    running = await outrider(config)
    server.expire_tokens()
    async with await running.caller() as caller:
        await caller.send(running.head(b"POST", b"/up", framing))
        await caller.send(b"abcdef" if b"Length" in framing else b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")
        answer = await caller.answer(b"POST")
    assert (answer.status, answer.content) == (200, b"abcdef")
    assert [request.content for request in server.api_requests] == [b"abcdef"] * 2


async def test_a_thousand_requests_on_an_expired_token_are_one_refresh_and_no_failure(
    outrider: Start, server: TokenServer, tmp_path: Path
) -> None:
    first = seed(tmp_path, server.begin_family())
    sections = {"state": {"dir": str(tmp_path / "state")}, "limits": {"in_flight": 1000}}
    running = await outrider(facing(server, server.person(first), **sections))
    server.expire_tokens()
    most_files()
    callers = [await running.caller() for _ in range(1000)]

    async def ask(caller: Caller) -> int:
        await caller.send(running.head())
        return (await caller.answer(b"GET", 60)).status

    statuses = await asyncio.gather(*(ask(caller) for caller in callers))
    for caller in callers:
        await caller.close()
    assert set(statuses) == {200}
    assert (server.exchanges, server.superseded, server.revoked) == (2, [], set())


async def test_a_caller_that_leaves_while_it_is_the_one_that_refreshes_stops_nothing(
    outrider: Start, server: TokenServer
) -> None:
    running = await outrider(facing(server, server.profile()))
    server.expire_tokens()
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        reached.set()
        await go_on.wait()

    server.before_commit = hold
    leaving = await running.caller()
    await leaving.send(running.head())
    await asyncio.wait_for(reached.wait(), 5)
    await leaving.close()
    staying = asyncio.create_task(running.request())
    await asyncio.sleep(0.05)
    go_on.set()
    assert (await staying).status == 200
    assert server.exchanges == 2


async def test_a_deadline_that_passes_during_the_refresh_is_told(outrider: Start, server: TokenServer) -> None:
    running = await outrider(facing(server, server.profile()))
    server.expire_tokens()
    go_on = asyncio.Event()

    async def hold() -> None:
        await go_on.wait()

    server.before_commit = hold
    answered = await running.request(b"GET", b"/", b"Outrider-Timeout: 100ms")
    assert answered.problem()["code"] == "deadline_exceeded"
    go_on.set()
    assert (await running.request()).status == 200


async def test_a_token_endpoint_that_is_down_is_credential_unavailable_at_once(
    outrider: Start, server: TokenServer
) -> None:
    server.next.extend([resets_unanswered()])
    running = await outrider(facing(server, server.profile()))
    answered = await running.request()
    assert (answered.problem()["code"], answered.status) == ("credential_unavailable", 503)
    assert int(answered.get(b"retry-after") or 0) >= 1
    assert len(server.asked) == 1, "the endpoint was asked again before its pause was over"
    assert server.api_requests == []


async def test_a_session_that_is_over_is_told_until_new_credentials_come(
    outrider: Start, server: TokenServer, tmp_path: Path
) -> None:
    first = seed(tmp_path, "never-issued")
    running = await outrider(facing(server, server.person(first), state={"dir": str(tmp_path / "state")}))
    answered = await running.request()
    assert (answered.status, answered.problem()["code"]) == (401, "session_expired")
    assert answered.get(b"www-authenticate") == b'Outrider-Session realm="outrider", error="invalid_token"'
    assert (await running.request(b"GET", b"/", b"Outrider-Auth: none")).status == 401
    before = len(server.asked)
    assert (await running.request()).status == 401
    assert len(server.asked) == before, "a token that was refused for good was presented again"
    text = await metrics(running)
    assert 'outrider_session_state{profile="p",state="expired"} 1.0' in text
    assert 'outrider_token_refreshes_total{profile="p",result="terminal"} 1.0' in text

    seed(tmp_path, server.begin_family())
    async with asyncio.timeout(10):
        while (await running.request()).status != 200:
            await asyncio.sleep(0.05)
    assert 'outrider_session_state{profile="p",state="valid"} 1.0' in await metrics(running)


async def test_readiness_knows_a_session_that_cannot_work(outrider: Start, server: TokenServer, tmp_path: Path) -> None:
    first = seed(tmp_path, server.begin_family())
    running = await outrider(facing(server, server.person(first)))
    health = running.daemon._health
    assert health.reasons == []
    server.revoked.update(server.current)
    server.expire_tokens()
    assert (await running.request()).problem()["code"] == "session_expired"
    assert [reason.partition(":")[0] for reason in health.reasons] == ["profile p"]


async def test_an_upstream_that_refuses_every_token_does_not_turn_each_call_into_a_refresh(
    outrider: Start, server: TokenServer
) -> None:
    server.lifetime = 3600
    running = await outrider(facing(server, server.profile()))

    async def refuse() -> None:
        server.expire_tokens()
        server.lifetime = -1

    await refuse()
    server.next.extend(_grants(number) for number in range(20))
    statuses = [(await running.request()).status for _ in range(20)]
    assert statuses == [401] * 20
    assert len(server.asked) <= 3


def _grants(number: int) -> Any:
    """A token that the API will not take."""

    async def script(connection: Any) -> None:
        await connection.request()
        await connection.send(answer(200, {"access_token": f"unknown-{number}", "expires_in": 60}))

    return script


async def test_no_secret_is_in_metrics_problems_or_the_configuration_that_is_shown(
    outrider: Start, server: TokenServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    token = server.begin_family()
    first = seed(tmp_path, token)
    running = await outrider(facing(server, server.person(first), state={"dir": str(tmp_path / "state")}))
    assert (await running.request()).status == 200
    server.next.append(closes_unanswered())
    server.expire_tokens()
    problem = await running.request()
    captured = capfd.readouterr()
    shown = await metrics(running) + problem.content.decode() + captured.out + captured.err
    shown += json.dumps(problem.problem())
    for secret in (token, SECRET, *server.current.values(), "access-"):
        assert secret not in shown


async def test_a_token_in_a_file_is_read_again_when_it_is_refused(outrider: Start, tmp_path: Path) -> None:
    async with TokenServer() as server:
        server._valid["new"] = float("inf")
        path = seed(tmp_path, "old")["file"]
        running = await outrider(facing(server, {"type": "file", "path": path}))
        seed(tmp_path, "new")
        # Within the second in which nobody would look at the file.
        answered = await running.request()
        assert (answered.status, answered.get(b"proxy-status")) == (200, b"outrider; attempts=2; refreshed")


async def test_a_token_of_a_command_is_printed_again_when_it_is_refused(outrider: Start, tmp_path: Path) -> None:
    async with TokenServer() as server:
        server._valid["new"] = float("inf")
        path = Path(seed(tmp_path, "old")["file"])
        running = await outrider(facing(server, {"type": "exec", "command": ["cat", str(path)]}))
        path.write_text("new")
        answered = await running.request()
        assert (answered.status, answered.get(b"proxy-status")) == (200, b"outrider; attempts=2; refreshed")


CONTRACT = """
listen: 127.0.0.1:0
admin: {listen: 127.0.0.1:0}
state: {dir: ./state}
auth:
  machine:
    type: oauth2
    grant: client_credentials
    token_url: http://127.0.0.1:9100/token
    client_id: machine
    client_secret: {env: MACHINE_SECRET}
    scope: [read, write]
  person:
    type: oauth2
    grant: refresh_token
    token_url: http://127.0.0.1:9100/token
    client_id: web
    client_secret: {file: ./secrets/web}
    refresh_token: {file: ./secrets/refresh-token}
upstreams:
  api:
    url: http://127.0.0.1:9000/v1
    match: {prefix: /api}
    auth: machine
  user:
    url: http://127.0.0.1:9000
    match: {host: user.localhost}
    auth: person
"""


async def test_the_profiles_of_the_contract_work_as_they_are_written(server: TokenServer, tmp_path: Path) -> None:
    server.clients = {"machine": "m-secret", "web": "w-secret"}
    (tmp_path / "secrets").mkdir()
    for name, secret in (("web", "w-secret\n"), ("refresh-token", server.begin_family() + "\n")):
        (tmp_path / "secrets" / name).touch(mode=0o600)
        (tmp_path / "secrets" / name).write_text(secret)
    text = CONTRACT.replace("http://127.0.0.1:9100", server.url).replace("http://127.0.0.1:9000", server.url)
    environ = {"MACHINE_SECRET": "m-secret"}
    daemon = Daemon(load_text(text, "full.yaml", environ, tmp_path), environ)
    await daemon.start()
    try:
        running = Outrider(daemon)
        assert (await running.request(b"GET", b"/api/orders")).status == 200
        host = b"user.localhost:%d" % running.port
        async with await running.caller() as caller:
            await caller.send(b"GET /me HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
            assert (await caller.answer(b"GET", 10)).status == 200
    finally:
        await daemon.close()
    assert [path.name for path in sorted((tmp_path / "state").glob("*.json"))] == ["machine.json", "person.json"]
    assert {asked.get("scope") for asked in server.asked} == {"read write", None}


async def test_a_restart_goes_on_with_the_sessions_that_were_kept(
    outrider: Start, server: TokenServer, tmp_path: Path
) -> None:
    config = facing(server, server.person(seed(tmp_path, server.begin_family())), state={"dir": str(tmp_path / "s")})
    first = await outrider(config)
    assert (await first.request()).status == 200
    await first.stop()
    second = await outrider(config)
    server.expire_tokens()
    assert (await second.request()).status == 200
    assert (server.exchanges, server.superseded) == (2, [])
