"""No secret gets out, of whatever kind and in whatever form, by anything that Outrider says of itself.

Secrets of every kind go every way that there is: successes, each error that can be provoked, defects of an interceptor,
the log in both forms and at its most (it holds what other levels do), the admin plane, metrics, traces, hooks,
the command line, the state folder.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.observe.tally import COUNTED_ERRORS
from tests.peers.admin import Admin
from tests.peers.caller import Answer, Caller
from tests.peers.canaries import Canaries
from tests.peers.leaky_world import INTERCEPTORS, LeakyWorld, leaky_world
from tests.peers.otlp_collector import OtlpCollector
from tests.peers.running import OutriderProcess

NOT_PROVOKED = {"internal_error"}
"""What only a defect of Outrider's own can end in."""


RENEWED = ("machine", "person", "failing", "refused", "babbling", "renewed", "login", "login_refused")


class Caught:
    """What Outrider said, by where it did; and the codes of the errors among it."""

    def __init__(self) -> None:
        self.said: dict[str, bytes] = {}
        self.codes: set[str] = set()

    def answer(self, where: str, answer: Answer) -> Answer:
        """An error of Outrider's is all its own; of what an upstream answered, cookie and content are not, nor is the
        message in its normalised error."""
        fields = [field for field in answer.fields if field[0].lower() != b"set-cookie"]
        content = b""
        if answer.get(b"content-type") == b"application/problem+json":
            code = json.loads(answer.content)["code"]
            content = b"" if code == "upstream_error" else answer.content
            self.codes.add(code)
        head = b"\n".join(name + b": " + value for name, value in fields)
        self.said[where] = self.said.get(where, b"") + answer.reason + b"\n" + head + b"\n\n" + content
        return answer

    def leaks(self, canaries: Canaries) -> dict[str, list[str]]:
        return {where: found for where, text in self.said.items() if (found := canaries.found(text))}


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LeakyWorld]:
    folder = tmp_path / "world"
    folder.mkdir()
    async with leaky_world(folder) as running:
        monkeypatch.setenv("CANARY_ENV", running.secret("environment"))
        yield running


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "log",
    [
        {"level": "debug", "format": "json", "wire": True},
        {"level": "debug", "format": "text", "wire": True},
    ],
    ids=lambda log: "-".join(map(str, log.values())),
)
async def test_no_secret_is_in_anything_that_is_said(
    world: LeakyWorld, outrider_process: Any, tmp_path: Path, log: dict[str, Any]
) -> None:
    caught = Caught()
    with OtlpCollector() as collector:
        config = world.config(collector.url)
        token = world.secret("admin token", "")
        config |= {"log": log, "admin": {"token": token}}
        running = await outrider_process(config, files={"leaking.py": INTERCEPTORS})
        admin = Admin(running.admin_port, b"Authorization: Bearer " + token.encode())
        async with followed_events(admin) as events:
            await ask_everything(running, world, config, caught)
            await break_everything(running, world, config, caught)
            await ask_the_admin_plane(admin, world, caught)
        caught.said["events"] = bytes(events)
        (file,) = tmp_path.glob("outrider-*/outrider.yaml")
        caught.said["command line"] = await command_line(file)
        assert await running.stop() == 0
        caught.said["log"] = (file.parent / "stderr").read_bytes()
        caught.said["traces"] = collector.raw
    caught.said["state folder"] = world.kept()
    caught.said["hooks"] = world.told_hooks()
    assert caught.leaks(world.canaries) == {}
    assert set(COUNTED_ERRORS) - caught.codes == NOT_PROVOKED
    assert [where for where, text in caught.said.items() if not text.strip()] == []
    if log["level"] == "debug":
        assert b"ValueError" in caught.said["log"]
        assert b"[redacted]" in caught.said["log"]


async def test_what_a_wrong_file_holds_is_not_repeated(world: LeakyWorld, tmp_path: Path) -> None:
    secret = world.secret
    wrong = {
        "admin": {"token": [secret("a token in a list")]},
        "access": {"callers": {"app": {"token": {"value": secret("a token under an unknown key")}}}},
        "state": {"key": secret("a phrase")},
        "hooks": {"on_error": {"webhook": f"http://u:{secret('a password in a URL', '')}@h.example/"}},
        "auth": {
            "a": {"type": "bearer", "token": f"{secret('half of a token')}\n{secret('a token of two lines')}"},
            "b": {"type": "basic", "username": {"nobody": secret("a user")}, "password": 7},
            "c": {"type": "hmac", "key": secret("no hexadecimal"), "key_encoding": "hex", "sign": "x", "set": {}},
            "d": {"type": "oauth2", "client_secret": {"exec": secret("a command")}, "secret": secret("a misspelling")},
            "e": {"type": "headers", "set": {"X-A": f"{{{{ missing }}}} {secret('a field')}"}, "secrets": {}},
            "f": {"type": "oauth2", "grant": "jwt_bearer", "sign_assertion": {"key": secret("no key")}},
            "g": {"type": "exec", "command": secret("a whole command")},
            secret("a name", ""): {"type": "bearer"},
        },
        "upstreams": {"api": {"url": f"https://u:{secret('a password in a base URL', '')}@h.example", "auth": "a"}},
        "tracing": {"endpoint": 7, "headers": {"X-A": [secret("a collector's field")]}},
    }  # fmt: skip
    file = tmp_path / "outrider.yaml"
    file.write_text(yaml.safe_dump(wrong, allow_unicode=True))
    said, code = await outrider(file, "check")
    assert code == 78
    assert said.count(b"\n") > 10
    names = {name for name in world.canaries.found(said) if not name.startswith("a name (")}
    assert names == set()


async def ask_everything(running: OutriderProcess, world: LeakyWorld, config: dict[str, Any], caught: Caught) -> None:
    """Each upstream: once well, once with an answer that means "not authorised", once with a failure."""
    ask = asker(running, world, config)
    for name in config["upstreams"]:
        for path in (b"200", b"401", b"503"):
            caught.answer(name, await ask(b"GET", b"/%b/%b" % (name.encode(), path)))
        caught.answer(name, await ask(b"POST", b"/%b/200" % name.encode(), content=world.secret("content").encode()))


def asker(running: OutriderProcess, world: LeakyWorld, config: dict[str, Any]) -> Any:
    """A caller that has secrets of its own."""
    token = config["access"]["callers"]["app"]["token"].encode()
    lines = [
        b"Authorization: Bearer " + world.secret("caller's own token").encode(),
        b"Cookie: sid=" + world.secret("caller's cookie", "").encode(),
        b"X-Unknown: " + world.secret("caller's field").encode(),
        b"Referer: https://h.example/?" + world.secret("caller's referrer", "").encode(),
        b"Idempotency-Key: " + world.secret("caller's key", "").encode(),
    ]
    query = b"?token=" + world.secret("caller's query", "").encode()

    async def ask(method: bytes, path: bytes, *more: bytes, content: bytes = b"", own: bytes = token) -> Answer:
        named = b"Outrider-Token: " + own
        return await running.request(method, path + query, named, *lines, *more, content=content)

    return ask


async def break_everything(running: OutriderProcess, world: LeakyWorld, config: dict[str, Any], caught: Caught) -> None:
    """The errors that the upstreams above do not bring about by themselves."""
    ask = asker(running, world, config)
    admin = Admin(running.admin_port, b"Authorization: Bearer " + config["admin"]["token"].encode())
    secret = world.secret("what is malformed", "").encode()
    named = b"Outrider-Token: " + config["access"]["callers"]["app"]["token"].encode()
    told = [
        await ask(b"GET", b"/elsewhere"),
        await ask(b"GET", b"/once/200", own=world.secret("wrong caller token", "").encode()),
        await ask(b"GET", b"/once/200", b"Origin: https://evil.example"),
        await ask(b"GET", b"/once/200", b"Via: " + b", ".join([b"1.1 outrider"] * 30)),
        await ask(b"GET", b"/once/200", b"X-Large: " + secret * 1000),
        await ask(b"GET", b"/once/200", b"Content-Length: 9999999"),
        *[await ask(b"GET", b"/circuit/close") for _ in range(2)],
        *[await ask(b"GET", b"/once/" + path) for path in (b"close", b"garbage")],
        await ask(b"GET", b"/slow/hang"),
        await ask(b"GET", b"/short/hang"),
    ]
    for raw in (
        b"GET /?" + secret + b" HTTP/1.1\r\nHost: evil.example\r\nX-A: " + secret + b"\r\n\r\n",
        b"GET /?" + secret + b" HTTP/1.1\r\nHost: " + running.host + b"\r\nX-A: " + secret + b"\0\r\n\r\n",
        b"GET /?" + secret + b" HTTP/1.1\r\nHost: " + running.host + b"\r\nAuthorization: " + secret,
        secret + b"\r\n\r\n",
    ):
        async with await running.caller() as caller:
            await caller.send(raw)
            told.append(await caller.answer())
    for path in ("/narrow/hang", "/once/hang", "/person/hang"):
        async with await running.caller() as caller:
            await caller.send(running.head(b"GET", path.encode(), named, b"Outrider-Request-Id: mine"))
            await in_flight(admin)
            if path == "/narrow/hang":
                told.append(await ask(b"GET", b"/narrow/200"))
            done = await (
                admin.post("/api/profiles/person/terminate") if "person" in path else admin.delete("/api/requests/mine")
            )
            assert done.status < 300, done
            told.append(await caller.answer())
    for answer in told:
        caught.answer("errors", answer)


async def in_flight(admin: Admin) -> None:
    """Until the request that is called mine has reached its upstream."""
    async with asyncio.timeout(10):
        while True:
            answer = await admin.ask(b"GET", "/api/requests/mine")
            if answer.status == 200 and json.loads(answer.content)["requests"][0]["attempt"]:
                return
            await asyncio.sleep(0.01)


async def ask_the_admin_plane(admin: Admin, world: LeakyWorld, caught: Caught) -> None:
    described = await admin.get("/api/openapi.json")
    for path, methods in described["paths"].items():
        if "get" in methods and not path.endswith("/events"):
            whole = path.replace("{name}", "person").replace("{id}", "mine")
            answer = await admin.ask(b"GET", whole)
            caught.said[f"admin {whole}"] = answer.content + str(answer.fields).encode()
    openmetrics = await admin.ask(b"GET", "/metrics", b"Accept: application/openmetrics-text")
    caught.said["OpenMetrics"] = openmetrics.content
    secret = world.secret("what the admin plane is told")
    stranger = Admin(admin.port, b"Authorization: Bearer " + secret.encode())
    session = "/api/profiles/person/session"
    for answer in (
        await stranger.ask(b"GET", "/api/state"),
        await admin.post(session, {"access_token": [secret], "refresh_token": {"a": secret}, secret: secret}),
        await admin.post(session, [secret]),
        await admin.post(session, {"access_token": world.secret("installed token"), "refresh_token": secret}),
        await admin.post("/api/log-level", {"level": secret}),
        await admin.post(f"/api/profiles/{world.secret('unknown profile', '')[:7]}/refresh"),
        *[await admin.post(f"/api/profiles/{name}/refresh") for name in RENEWED],
    ):
        caught.answer("admin's answers", answer)


@contextlib.asynccontextmanager
async def followed_events(admin: Admin) -> AsyncIterator[bytearray]:
    """Every byte of the event stream."""
    said = bytearray()

    async def read(caller: Caller) -> None:
        while piece := await caller.piece(timeout=60):
            said.extend(piece)

    async with await Caller.connect(admin.port) as caller:
        await caller.send(admin._head(b"GET", "/api/events"))
        reading = asyncio.create_task(read(caller))
        try:
            yield said
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading


async def command_line(file: Path) -> bytes:
    explained = ["--explain", "GET", "http://localhost/bearer/x"]
    commands = [["check"], ["check", *explained], ["check", "--online"], ["schema"]]
    commands += [["token", profile] for profile in ("machine", "person", "renewed", "refused")]
    return b"\n".join([(await outrider(file, *command))[0] for command in commands])


async def outrider(file: Path, command: str, *arguments: str) -> tuple[bytes, int]:
    """What a command says, on both of its outputs, and its exit code."""
    parts = [command] if command == "schema" else [command, "-c", str(file), *arguments]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "proxy", *parts),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(os.environ),
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return said, process.returncode
