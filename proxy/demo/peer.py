"""The embedded API: a real HTTP server on a free loopback port, behind doors that each want their own credential.

The first path segment is the door (`/v1` wants a bearer token, `/partner` a user and password, …), the second names
what it answers. It remembers what it saw of every request, because that is what the demonstration is about. What must
not live here: any knowledge of Outrider.
"""

import asyncio
import base64
import gzip
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import BodyPartReader, web

from proxy.demo.credentials import MadeUp
from proxy.demo.token_desk import TokenDesk

__all__ = ["PACKED", "REPORT", "Peer", "Seen"]

REPORT = bytes(range(256)) * 4096
"""1 MiB that `/report` serves, in ranges where asked."""

PACKED = gzip.compress(b"the same line again and again\n" * 500, mtime=0)
"""What `/packed` serves with `Content-Encoding: gzip`."""

_MEBIBYTE = 2**20
_FAILURES = 2
_STUCK = 5.0


@dataclass(slots=True)
class Seen:
    """One request as it arrived at the API."""

    method: str
    target: str
    fields: dict[str, str]
    content: str = ""
    """A few words about the content, when there was some."""


@dataclass(slots=True)
class Peer:
    """The API, and the token server beside it (`desk`, at `/token`).

    `gate` holds the second event of `/events` back until it is set; while it is `ill`, `/fragile` fails.
    """

    made_up: MadeUp
    folder: Path
    seen: list[Seen] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    ill: bool = False
    desk: TokenDesk = field(init=False)

    def __post_init__(self) -> None:
        self.desk = TokenDesk(self.made_up)

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve until the block ends; gives the API's origin."""
        (self.folder / "report.bin").write_bytes(REPORT)
        application = web.Application()
        application.router.add_post("/token", self.desk.exchange)
        application.router.add_route("*", "/{anything:.*}", self._answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            yield f"http://{host}:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        seen = Seen(request.method, request.raw_path, {name.lower(): value for name, value in request.headers.items()})
        self.seen.append(seen)
        segments = request.raw_path.partition("?")[0].split("/")
        if not self._admits(segments[1], request):
            return web.json_response({"message": "not authorised"}, status=401, headers={"WWW-Authenticate": "Bearer"})
        handlers: dict[str, Callable[[web.Request, Seen], Awaitable[web.StreamResponse]]] = {
            "upload": _take_upload,
            "events": self._send_events,
            "echo": _echo_messages,
            "report": self._send_report,
            "packed": _send_packed,
            "moved": _redirect,
            "last": _say_nothing_is_left,
            "refused": _refuse_currency,
            "dropped": _drop,
            "cut": _cut,
            "slow": _take_time,
            "flaky": self._fail_twice,
            "stuck": self._get_stuck,
        }
        if self.ill and segments[1] == "fragile":
            return web.json_response({"message": "out of order"}, status=503)
        return await handlers.get(segments[2] if len(segments) > 2 else "", _hello)(request, seen)

    def _admits(self, door: str, request: web.Request) -> bool:
        made_up = self.made_up
        authorization = request.headers.get("Authorization", "")
        match door:
            case "v1" | "shared" | "vetted":
                return authorization == f"Bearer {made_up.token}"
            case "partner":
                return authorization == f"Basic {_base64(f'demo:{made_up.password}')}"
            case "maps":
                return request.query.getall("key", []) == [made_up.key]
            case "signed":
                return request.headers.getall("X-App-Proof", []) == [_base64(made_up.app)]
            case "sealed":
                moment, _, seal = request.headers.get("X-Seal", "").partition(".")
                text = f"{moment} {request.method} {request.raw_path}".encode()
                return hmac.compare_digest(seal, hmac.new(made_up.seal.encode(), text, "sha256").hexdigest())
            case "commanded":
                return authorization == f"Bearer {made_up.command}"
            case "person":
                return authorization == f"Bearer {made_up.access}"
            case "machine":
                return authorization == f"Bearer {made_up.machine}"
            case "rotating":
                return authorization == f"Bearer {made_up.rotated}"
            case "fragile" | "metered":
                return True
            case _:
                return False

    async def _send_events(self, request: web.Request, _: Seen) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        await response.write(b"data: first\n\n")
        async with asyncio.timeout(10):
            await self.gate.wait()
        await response.write(b"data: second\n\n")
        return response

    async def _fail_twice(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        """Unavailable to the first two requests for a target, then well."""
        if content := await request.read():
            seen.content = f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()[:8]}…"
        earlier = [one for one in self.seen if (one.method, one.target) == (seen.method, seen.target)]
        if len(earlier) <= _FAILURES:
            return web.json_response({"message": "try again"}, status=503)
        return web.json_response({"message": "hello", "asked": len(earlier)})

    async def _get_stuck(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        """The first request for a target gets no answer in time."""
        if sum(one.target == seen.target for one in self.seen) == 1:
            await asyncio.sleep(_STUCK)
        return await _hello(request, seen)

    async def _send_report(self, _: web.Request, __: Seen) -> web.StreamResponse:
        return web.FileResponse(self.folder / "report.bin", headers={"Content-Type": "application/octet-stream"})


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def _hello(request: web.Request, seen: Seen) -> web.StreamResponse:
    return web.json_response({"message": "hello", "method": seen.method, "path": seen.target.partition("?")[0]})


async def _take_time(request: web.Request, seen: Seen) -> web.StreamResponse:
    """Answer after a moment, so that others can come meanwhile."""
    seen.content = (await request.read()).decode()
    await asyncio.sleep(0.2)
    return await _hello(request, seen)


async def _take_upload(request: web.Request, seen: Seen) -> web.StreamResponse:
    """Read the content piece by piece; answer with how much it was and its digest."""
    size, digest, kind = 0, hashlib.sha256(), "chunked" if request.content_length is None else "with length"
    if request.content_type.startswith("multipart/"):
        kind = "multipart"
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader):
                while piece := await part.read_chunk(2**16):
                    size += len(piece)
                    digest.update(piece)
    else:
        async for piece in request.content.iter_any():
            size += len(piece)
            digest.update(piece)
    seen.content = f"{kind}, {size / _MEBIBYTE:.1f} MiB, sha256 {digest.hexdigest()[:8]}…"
    return web.json_response({"size": size, "sha256": digest.hexdigest()}, status=201)


async def _echo_messages(request: web.Request, seen: Seen) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        seen.content = f"message {message.data!r}"
        await socket.send_str(f"echo of {message.data}")
    return socket


async def _send_packed(_: web.Request, __: Seen) -> web.StreamResponse:
    return web.Response(body=PACKED, headers={"Content-Encoding": "gzip", "Content-Type": "text/plain"})


async def _say_nothing_is_left(_: web.Request, __: Seen) -> web.StreamResponse:
    fields = {"RateLimit-Policy": '"minute";q=60;w=60', "RateLimit": '"minute";r=0;t=1'}
    return web.json_response({"message": "the last one for now"}, headers=fields)


async def _refuse_currency(_: web.Request, __: Seen) -> web.StreamResponse:
    return web.json_response({"error": {"message": "no such currency"}}, status=422)


async def _redirect(request: web.Request, __: Seen) -> web.StreamResponse:
    """Point at this API's own address, as APIs that do not know their proxy do."""
    return web.Response(status=302, headers={"Location": f"http://{request.host}/v1/hello"})


async def _drop(request: web.Request, __: Seen) -> web.StreamResponse:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _cut(request: web.Request, __: Seen) -> web.StreamResponse:
    """Promise the whole report, send a quarter, close."""
    response = web.StreamResponse(headers={"Content-Length": str(len(REPORT))})
    await response.prepare(request)
    await response.write(REPORT[: len(REPORT) // 4])
    if request.transport is not None:
        request.transport.close()
    return response
