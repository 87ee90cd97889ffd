"""The two written configurations that everything else follows, as they stand: only hosts and ports are the test's."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from proxy.config.load import load_text
from proxy.daemon import Daemon
from tests.peers.caller import Answer
from tests.peers.captured import CapturedLog
from tests.peers.contract_api import ContractApi
from tests.peers.legacy_api import LegacyApi
from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import Outrider
from tests.peers.scripts import answers
from tests.peers.token_server import TokenServer

FOLDER = Path(__file__).resolve().parent / "contract"
FULL = (FOLDER / "full.yaml").read_text(encoding="utf-8")
MINIMAL = (FOLDER / "minimal.yaml").read_text(encoding="utf-8")
DONE = b"HTTP/1.1 204 No Content\r\n\r\n"
ENVIRON = {"MACHINE_SECRET": "m-secret", "LEGACY_TOKEN": "token-0", "API_KEY": "k&y"}


class World:
    """The servers that the file names, and an Outrider in front of them. `text` may be changed before `start`."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder = folder
        self._stack = stack

    async def begin(self) -> None:
        enter = self._stack.enter_async_context
        self.tokens = await enter(TokenServer())
        self.tokens.clients = {"machine": "m-secret", "web": "w-secret"}
        self.api = await enter(ContractApi(self.tokens))
        self.legacy = await enter(LegacyApi())
        self.hooks = await enter(RawUpstream(answers(DONE)))
        self.environ = ENVIRON | {"CREDENTIALS_DIRECTORY": str(self.folder / "credentials")}
        for path, secret in {
            "secrets/web": "w-secret",
            "secrets/refresh-token": self.tokens.begin_family(),
            "credentials/door": "d-secret",
        }.items():
            (self.folder / path).parent.mkdir(exist_ok=True, mode=0o700)
            (self.folder / path).touch(mode=0o600)
            (self.folder / path).write_text(secret + "\n")
        old = "  old:\n    url: http://"
        places = {
            old + "127.0.0.1:9000": old + self.legacy.url.removeprefix("http://"),
            "127.0.0.1:9000": self.api.authority,
            "127.0.0.1:9100": self.tokens.url.removeprefix("http://"),
            "127.0.0.1:9200": self.hooks.authority,
            "127.0.0.1:8080": "127.0.0.1:0",
            "127.0.0.1:9901": "127.0.0.1:0",
        }
        self.text = FULL
        for written, here in places.items():
            assert written in self.text
            self.text = self.text.replace(written, here)

    async def start(self) -> None:
        daemon = Daemon(load_text(self.text, "full.yaml", self.environ, self.folder), self.environ)
        await daemon.start()
        self._stack.push_async_callback(daemon.close)
        self.running = Outrider(daemon)

    async def ask(self, line: bytes, *fields: bytes, content: bytes | None = None, host: bytes | None = None) -> Answer:
        """`GET /path`, and so on, on a connection of its own."""
        method = line.partition(b" ")[0]
        sent = [line + b" HTTP/1.1", b"Host: " + (host or self.running.host), *fields]
        if content is not None:
            sent.append(b"Content-Length: %d" % len(content))
        async with await self.running.caller() as caller:
            await caller.send(b"\r\n".join([*sent, b"", content or b""]))
            return await caller.answer(method, 15)

    @property
    def user(self) -> bytes:
        return b"user.localhost:%d" % self.running.port


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        made = World(tmp_path, stack)
        await made.begin()
        yield made


@pytest.fixture
async def up(world: World) -> World:
    await world.start()
    return world


def test_the_file_is_accepted_as_it_stands(tmp_path: Path) -> None:
    for path in ("web", "refresh-token"):
        (tmp_path / "secrets").mkdir(exist_ok=True)
        (tmp_path / "secrets" / path).touch(mode=0o600)
    assert load_text(FULL, "full.yaml", ENVIRON, tmp_path).config.upstreams.keys() == {"api", "user", "old"}


async def test_the_smallest_file_sends_its_token(outrider: Callable[..., Awaitable[Outrider]]) -> None:
    async with ContractApi(None) as api:
        text = MINIMAL.replace("127.0.0.1:9000", api.authority).replace("127.0.0.1:8080", "127.0.0.1:0")
        running = await outrider(text + "admin: {listen: 127.0.0.1:0}\n", {"API_TOKEN": "t0ken"})
        assert (await running.request(b"GET", b"/any/thing?x=1")).status == 200
        assert api.targets == [b"/any/thing?x=1"]
        assert api.requests[0].head.get(b"authorization") == b"Bearer t0ken"


# machine


async def test_the_machines_token_goes_with_the_upstreams_fields(up: World) -> None:
    answer = await up.ask(b"GET /api/orders?a=1", b"X-Debug: 1", b"X-Team: mine", b"Authorization: Bearer mine")
    assert answer.status == 200
    (request,) = up.api.requests
    assert request.head.target == b"/v1/orders?a=1"
    assert (request.head.all(b"x-team"), request.head.all(b"x-debug")) == ([b"payments"], [])
    assert [asked["scope"] for asked in up.tokens.asked if asked["grant_type"] == "client_credentials"] == [
        "read write"
    ]


async def test_a_token_that_the_api_refuses_is_renewed_once(up: World) -> None:
    up.tokens.expire_tokens()
    answered = await asyncio.gather(*(up.ask(b"POST /api/up", content=b"%d" % number) for number in range(10)))
    assert {answer.status for answer in answered} == {200}
    grants = [asked["grant_type"] for asked in up.tokens.asked]
    assert grants.count("client_credentials") == 2


# policies


async def test_a_get_is_tried_three_times(up: World) -> None:
    up.api.failing = [503, 503]
    answer = await up.ask(b"GET /api/x")
    assert (answer.status, answer.get(b"proxy-status")) == (200, b"outrider; attempts=3")


async def test_an_order_has_one_key_in_all_of_its_attempts_and_another_post_one_attempt(up: World) -> None:
    up.api.failing = [503]
    assert (await up.ask(b"POST /api/orders", content=b"{}")).status == 200
    keys = {request.head.get(b"idempotency-key") for request in up.api.requests}
    assert (len(up.api.requests), len(keys), None in keys) == (2, 1, False)
    up.api.failing = [503]
    assert (await up.ask(b"POST /api/other", content=b"{}")).status == 503
    assert up.api.targets.count(b"/v1/other") == 1


async def test_a_search_is_shared_in_flight_and_for_two_seconds(up: World) -> None:
    up.api.gate = asyncio.Event()
    asking = [asyncio.ensure_future(up.ask(b"GET /api/search?q=a")) for _ in range(5)]
    await up.api.waits(1)
    await asyncio.sleep(0.05)
    up.api.gate.set()
    assert {answer.status for answer in await asyncio.gather(*asking)} == {200}
    later = await up.ask(b"GET /api/search?q=a")
    assert b"hit" in (later.get(b"cache-status") or b"")
    await up.ask(b"GET /api/search?q=b")
    assert up.api.targets == [b"/v1/search?q=a", b"/v1/search?q=b"]
    for _ in range(2):
        await up.ask(b"GET /api/elsewhere")
    assert up.api.targets.count(b"/v1/elsewhere") == 2


async def test_a_double_click_pays_once_and_another_sum_is_another_payment(up: World) -> None:
    up.api.gate = asyncio.Event()
    asking = [asyncio.ensure_future(up.ask(b"POST /api/pay", content=b"sum=1")) for _ in range(2)]
    await up.api.waits(1)
    await asyncio.sleep(0.05)
    up.api.gate.set()
    assert [answer.content for answer in await asyncio.gather(*asking)] == [b"sum=1"] * 2
    assert (await up.ask(b"POST /api/pay", content=b"sum=1")).status == 200
    assert [request.content for request in up.api.requests] == [b"sum=1"]
    assert (await up.ask(b"POST /api/pay", content=b"sum=2")).content == b"sum=2"
    await up.ask(b"POST /api/pay", b"Outrider-Dedup: off", content=b"sum=1")
    assert [request.content for request in up.api.requests] == [b"sum=1", b"sum=2", b"sum=1"]


async def test_the_same_report_is_made_once_in_two_seconds(up: World) -> None:
    assert (await up.ask(b"POST /api/reports", content=b"a")).status == 200
    refused = await up.ask(b"POST /api/reports", content=b"a")
    assert (refused.status, refused.code, refused.get(b"retry-after")) == (429, "rate_limited", b"2")
    assert (await up.ask(b"POST /api/reports", content=b"b")).status == 200
    assert [request.content for request in up.api.requests] == [b"a", b"b"]


async def test_calls_keep_to_the_pace_after_the_burst(up: World) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    answered = await asyncio.gather(*(up.ask(b"GET /api/%d" % number) for number in range(50)))
    assert {answer.status for answer in answered} == {200}
    assert loop.time() - began >= 0.25
    assert any(b"queued=" in (answer.get(b"proxy-status") or b"") for answer in answered)


async def test_no_more_than_64_calls_are_under_way_at_once(up: World) -> None:
    up.api.gate = asyncio.Event()
    asking = [asyncio.ensure_future(up.ask(b"GET /api/%d" % number)) for number in range(80)]
    await up.api.waits(64)
    await asyncio.sleep(0.3)
    assert up.api.most == 64
    up.api.gate.set()
    assert {answer.status for answer in await asyncio.gather(*asking)} == {200}


async def test_an_upstream_that_fails_half_of_twenty_calls_is_left_alone(up: World) -> None:
    up.api.failing = [500] * 20
    answered = [await up.ask(b"POST /api/x", content=b"") for _ in range(21)]
    assert [answer.status for answer in answered[:20]] == [500] * 20
    last = answered[20]
    assert (last.status, last.code) == (503, "circuit_open")
    assert 1 <= int(last.get(b"retry-after") or b"0") <= 15
    assert len(up.api.requests) == 20


# what callers may say


async def test_callers_may_override_what_the_file_says_they_may(up: World) -> None:
    up.api.failing = [503]
    assert (await up.ask(b"GET /api/a", b"Outrider-Retry: off")).status == 503
    assert (await up.ask(b"GET /api/b", b"Outrider-Auth: none")).status == 401
    named = await up.ask(b"GET /api/c", b"Outrider-Request-Id: mine-1")
    assert named.get(b"outrider-request-id") == b"mine-1"
    up.api.gate = asyncio.Event()
    late = await up.ask(b"GET /api/d", b"Outrider-Timeout: 100ms")
    assert (late.status, late.code) == (504, "deadline_exceeded")
    up.api.gate = None
    twice = [await up.ask(b"GET /api/e", b"Outrider-Min-Interval: 2s") for _ in range(2)]
    assert ([answer.status for answer in twice], twice[1].code) == ([200, 429], "rate_limited")


async def test_only_the_names_that_the_file_lists_are_met(up: World) -> None:
    assert (await up.ask(b"GET /api/x", host=b"localhost:%d" % up.running.port)).status == 200
    assert (await up.ask(b"GET /api/x", host=b"evil.example")).code == "host_not_allowed"
    assert (await up.ask(b"GET /nowhere")).code == "route_not_found"


async def test_every_request_has_a_line(world: World, captured: Callable[..., CapturedLog]) -> None:
    log = captured()
    await world.start()
    for line in (b"GET /api/x", b"GET /old/y", b"GET /nowhere"):
        await world.ask(line)
    paths = [line["url.path"] for line in log.requests]
    assert sorted(paths) == ["/api/x", "/nowhere", "/old/y"]


# person


async def test_a_persons_session_rotates_is_kept_and_is_told_when_it_is_over(up: World) -> None:
    assert (await up.ask(b"GET /me", host=up.user)).status == 200
    up.tokens.expire_tokens()
    assert (await up.ask(b"GET /me", host=up.user)).status == 200
    assert up.tokens.superseded == []
    kept = json.loads((up.folder / "state" / "person.json").read_text())
    assert kept["refresh_token"] == up.tokens.current[1]
    up.tokens.revoked.add(1)
    up.tokens.expire_tokens()
    over = await up.ask(b"GET /me", host=up.user)
    assert (over.status, over.code) == (401, "session_expired")
    async with asyncio.timeout(5):
        while not up.hooks.requests:
            await asyncio.sleep(0.01)
    (notice,) = up.hooks.requests
    assert notice.head.target == b"/expired"
    assert json.loads(notice.content)["profile"] == "person"
    assert (await up.ask(b"GET /api/x")).status == 200


# legacy


async def test_the_legacy_refresh_is_called_as_it_is_written(up: World) -> None:
    assert json.loads((await up.ask(b"GET /old/x")).content)["code"] == 0
    assert up.legacy.refreshes == []
    up.legacy.ended = True
    assert json.loads((await up.ask(b"GET /old/x")).content)["code"] == 0
    assert up.legacy.refreshes == [{"from_source": 1, "user_id": 7, "token": "token-0"}]
    (call,) = up.legacy.fields
    assert (call.head.method, call.head.target, call.head.get(b"app-version")) == (b"POST", b"/auth/refresh", b"1.0.0")


@pytest.mark.parametrize("status", [401, 403, 200])
async def test_each_sign_of_the_legacy_api_means_that_its_token_has_ended(up: World, status: int) -> None:
    up.legacy.refusal = status
    up.legacy.ended = True
    assert json.loads((await up.ask(b"POST /old/x", content=b"{}")).content)["code"] == 0
    assert len(up.legacy.refreshes) == 1


async def test_errors_of_the_legacy_api_have_the_one_shape(up: World) -> None:
    up.legacy.failing = 404
    answer = await up.ask(b"GET /old/x")
    assert (answer.status, answer.get(b"content-type")) == (404, b"application/problem+json")
    problem = json.loads(answer.content)
    assert (problem["code"], problem["detail"]) == ("upstream_error", "no such thing")


# key, door


async def test_the_key_and_the_door_are_sent_where_an_upstream_uses_them(world: World) -> None:
    world.text = world.text.replace("auth: person", "auth: key").replace("    auth: machine\n", "    auth: door\n")
    await world.start()
    await world.ask(b"GET /me?key=mine&x=1", host=world.user)
    await world.ask(b"GET /api/x")
    assert world.api.requests[0].head.target == b"/me?x=1&key=k%26y"
    wanted = b"Basic " + base64.b64encode(b"u:d-secret")
    assert world.api.requests[1].head.get(b"authorization") == wanted


async def test_no_secret_is_in_what_the_admin_plane_shows(up: World) -> None:
    await up.ask(b"GET /api/x")
    shown = b""
    for path in (b"/api/config", b"/api/state", b"/api/profiles", b"/metrics"):
        reader, writer = await asyncio.open_connection("127.0.0.1", up.running.admin_port)
        host = b"127.0.0.1:%d" % up.running.admin_port
        writer.write(b"GET %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % (path, host))
        shown += await reader.read()
        writer.close()
    assert shown.count(b"HTTP/1.1 200") == 4
    secrets = [b"m-secret", b"w-secret", b"d-secret", b"k&y", b"token-0", up.tokens.current[1].encode()]
    assert [secret for secret in secrets if secret in shown] == []
