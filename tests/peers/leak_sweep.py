"""Goes every way through an Outrider in a `LeakyWorld`, and keeps what it says of itself.

What must not live here: what is expected of that.
"""

import asyncio
import json
from typing import Any

from tests.peers.admin import Admin
from tests.peers.caller import Answer
from tests.peers.leaky_profiles import INSTALLED
from tests.peers.leaky_world import LeakyWorld
from tests.peers.running import OutriderProcess

__all__ = ["Caught", "Sweep"]

_AT_ONCE = 12
"""Upstreams that are asked at the same time."""
_GIVEN_BY_UPSTREAMS = (b"set-cookie", b"location")


class Caught:
    """What Outrider said, by where it did; and the codes of the errors among it."""

    def __init__(self) -> None:
        self.said: dict[str, bytes] = {}
        self.codes: set[str] = set()

    def answer(self, where: str, answer: Answer) -> Answer:
        """An error of Outrider's is all its own; of what an upstream answered, content and some fields are not, nor is
        the message in its normalised error."""
        fields = [field for field in answer.fields if field[0].lower() not in _GIVEN_BY_UPSTREAMS]
        content = b""
        if answer.get(b"content-type") == b"application/problem+json":
            code = json.loads(answer.content)["code"]
            content = b"" if code == "upstream_error" else answer.content
            self.codes.add(code)
        head = b"\n".join(name + b": " + value for name, value in fields)
        self.add(where, answer.reason + b"\n" + head + b"\n\n" + content)
        return answer

    def add(self, where: str, text: bytes) -> None:
        self.said[where] = self.said.get(where, b"") + text

    def leaks(self, world: LeakyWorld) -> dict[str, list[str]]:
        return {where: found for where, text in self.said.items() if (found := world.canaries.found(text))}


class Sweep:
    """A caller who has secrets of their own, and an operator."""

    def __init__(self, running: OutriderProcess, world: LeakyWorld, config: dict[str, Any], caught: Caught) -> None:
        self.running = running
        self.world = world
        self.config = config
        self.caught = caught
        self.admin = Admin(running.admin_port, b"Authorization: Bearer " + config["admin"]["token"].encode())
        self._named = b"Outrider-Token: " + config["access"]["callers"]["app"]["token"].encode()
        secret, plain = world.secret, world.plain
        userinfo = f"{plain('name in a URL')}:{plain('password in a URL')}"
        self._lines = [
            b"Authorization: Bearer " + secret("caller's own token").encode(),
            b"Proxy-Authorization: Basic " + secret("caller's own proxy token").encode(),
            b"Cookie: sid=" + plain("caller's cookie").encode(),
            b"X-Unknown: " + secret("caller's field").encode(),
            f"Referer: https://{userinfo}@h.example/?{plain('query of a referrer')}".encode(),
            b"Idempotency-Key: " + plain("caller's key").encode(),
        ]
        self._query = b"?token=" + plain("caller's query").encode()
        self._malformed = plain("what is malformed").encode()
        self._wrong_token = plain("wrong caller token").encode()
        self._content = secret("content").encode()

    async def ask(self, method: bytes, path: bytes, *more: bytes, content: bytes = b"", own: bytes = b"") -> Answer:
        named = b"Outrider-Token: " + own if own else self._named
        lines = (named, *self._lines, *more)
        return await self.running.request(method, path + self._query, *lines, content=content, timeout=20)

    async def round(self) -> None:
        """Everything once."""
        await self.install()
        await self.every_upstream()
        await self.every_error()
        await self.every_admin_answer()

    async def every_upstream(self) -> None:
        """Once well, elsewhere, with an answer that means "not authorised", with a failure, and with content."""
        bound = asyncio.Semaphore(_AT_ONCE)

        async def every_way(name: str) -> None:
            async with bound:
                for path in (b"200", b"302", b"401", b"503"):
                    self.caught.answer(name, await self.ask(b"GET", b"/%b/%b" % (name.encode(), path)))
                self.caught.answer(name, await self.ask(b"POST", b"/%b/200" % name.encode(), content=self._content))

        async with asyncio.TaskGroup() as asking:
            for name in self.config["upstreams"]:
                asking.create_task(every_way(name))

    async def every_error(self) -> None:
        """The errors that the upstreams above do not bring about by themselves."""
        ask, secret = self.ask, self._malformed
        told = [
            await ask(b"GET", b"/elsewhere"),
            await ask(b"GET", b"/once/200", own=self._wrong_token),
            await ask(b"GET", b"/once/200", b"Origin: https://" + secret + b".example"),
            await ask(b"GET", b"/once/200", b"Via: " + b", ".join([b"1.1 outrider"] * 30)),
            await ask(b"GET", b"/once/200", b"X-Large: " + secret * 1000),
            await ask(b"GET", b"/once/200", b"Outrider-Timeout: " + secret),
            await ask(b"GET", b"/once/200", b"Content-Length: 9999999"),
            *[await ask(b"GET", b"/circuit/close") for _ in range(2)],
            *[await ask(b"GET", b"/once/" + path) for path in (b"close", b"garbage")],
            await ask(b"GET", b"/slow/hang"),
            await ask(b"GET", b"/short/hang"),
        ]
        host = b" HTTP/1.1\r\nHost: " + self.running.host + b"\r\n"
        for raw in (
            b"GET /?" + secret + b" HTTP/1.1\r\nHost: " + secret + b".example\r\nX-A: " + secret + b"\r\n\r\n",
            b"GET http://u:" + secret + b"@" + self.running.host + b"/once/200" + host + b"\r\n",
            b"GET /?" + secret + host + b"X-A: " + secret + b"\0\r\n\r\n",
            b"GET /?" + secret + host + b"Authorization: " + secret,
            secret + b"\r\n\r\n",
        ):
            async with await self.running.caller() as caller:
                await caller.send(raw)
                told.append(await caller.answer())
        told += [answer for path in ("/narrow/hang", "/once/hang", "/person/hang") for answer in await self.cut(path)]
        for answer in told:
            self.caught.answer("errors", answer)

    async def cut(self, path: str) -> list[Answer]:
        """A request that the operator ends, by itself or with its session; beside it one too many."""
        told = []
        async with await self.running.caller() as caller:
            await caller.send(self.running.head(b"GET", path.encode(), self._named, b"Outrider-Request-Id: mine"))
            await self._in_flight()
            if path == "/narrow/hang":
                told.append(await self.ask(b"GET", b"/narrow/200"))
            if "person" in path:
                done = await self.admin.post("/api/profiles/person/terminate")
            else:
                done = await self.admin.delete("/api/requests/mine")
            assert done.status < 300, done
            return [*told, await caller.answer()]

    async def _in_flight(self) -> None:
        """Until the request that is called mine has reached its upstream."""
        async with asyncio.timeout(10):
            while True:
                answer = await self.admin.ask(b"GET", "/api/requests/mine")
                if answer.status == 200 and json.loads(answer.content)["requests"][0]["attempt"]:
                    return
                await asyncio.sleep(0.01)

    async def install(self) -> None:
        """Sessions that begin outside, with tokens that end at once where they can be renewed."""
        secret = self.world.secret
        for name in INSTALLED:
            tokens = {"access_token": secret(f"installed token, {name}"), "expires_in": 1 if name != "person" else 3600}
            tokens["refresh_token"] = secret(f"installed refresh token, {name}")
            answer = await self.admin.post(f"/api/profiles/{name}/session", tokens)
            assert answer.status < 300, answer
            self.caught.answer("admin's answers", answer)

    async def every_admin_answer(self) -> None:
        described = await self.admin.get("/api/openapi.json")
        paths = [path for path, methods in described["paths"].items() if "get" in methods]
        for path in ["/", *(path for path in paths if not path.endswith("/events"))]:
            whole = path.replace("{name}", "person").replace("{id}", "mine")
            answer = await self.admin.ask(b"GET", whole)
            self.caught.said[f"admin {whole}"] = answer.content + str(answer.fields).encode()
        openmetrics = await self.admin.ask(b"GET", "/metrics", b"Accept: application/openmetrics-text")
        self.caught.said["OpenMetrics"] = openmetrics.content
        for answer in (await self._misuse()) + await self._renewals():
            self.caught.answer("admin's answers", answer)

    async def _misuse(self) -> list[Answer]:
        admin, secret = self.admin, self._malformed.decode()
        stranger = Admin(admin.port, b"Authorization: Bearer " + self._malformed)
        session = "/api/profiles/device/session"
        return [
            await stranger.ask(b"GET", "/api/state"),
            await admin.ask(b"GET", f"/api/state?{secret}"),
            await admin.post(session, {"access_token": [secret], "refresh_token": {"a": secret}, secret: secret}),
            await admin.post(session, [secret]),
            await admin.post("/api/log-level", {"level": secret}),
            await admin.post(f"/api/profiles/{secret[:7]}/refresh"),
        ]

    async def _renewals(self) -> list[Answer]:
        bound = asyncio.Semaphore(_AT_ONCE)

        async def renew(name: str) -> Answer:
            async with bound:
                return await self.admin.post(f"/api/profiles/{name}/refresh")

        return list(await asyncio.gather(*(renew(name) for name in self.config["auth"])))
