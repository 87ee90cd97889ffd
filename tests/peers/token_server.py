"""A token server and the API that takes its tokens, on one port, in our own words so that every instant can be told.

Refresh tokens rotate. A second use of one ends its whole family, as RFC 9700 §4.14.2 asks, and is remembered: what the
tests of rotation are about. A script put into `next` answers one token request in the server's place.
"""

import asyncio
import base64
import json
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote_plus

from tests.peers.grammar import Request
from tests.peers.raw_upstream import Connection, RawUpstream, Script

__all__ = ["TokenServer", "answer", "facing"]

CLIENT, SECRET = "ma:chine", "s%c&ret /ü"
"""Characters that tell an encoded proof from a raw one."""


def answer(status: int, content: bytes | dict[str, Any], *lines: bytes, media: bytes = b"application/json") -> bytes:
    """An HTTP answer; a dictionary is sent as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    head = [b"HTTP/1.1 %d X" % status, b"Content-Type: " + media, b"Content-Length: %d" % len(body), *lines, b"", b""]
    return b"\r\n".join(head) + body


def facing(server: "TokenServer", profile: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """The configuration of an Outrider that calls its API as `profile` says."""
    return {"auth": {"p": profile}, "upstreams": {"api": {"url": server.url, "auth": "p"}}} | sections


async def _nothing() -> None:
    return None


class TokenServer:
    """Listens for as long as the `async with` lasts. `url` is its origin: `/token`, and everything else is the API.

    `exchanges` counts token requests that were answered with a token, `asked` all of them with their parameters.
    """

    def __init__(self) -> None:
        self.lifetime: float = 3600
        self.rotates = True
        self.gives_refresh = False
        """Whether every grant comes with a refresh token."""
        self.clients = {CLIENT: SECRET}
        self.next: deque[Script] = deque()
        self.before_commit: Callable[[], Awaitable[None]] = _nothing
        self.after_commit: Callable[[], Awaitable[None]] = _nothing
        self.exchanges = 0
        self.asked: list[dict[str, str]] = []
        self.proofs: list[bytes | None] = []
        self.superseded: list[str] = []
        """Refresh tokens that were presented when they had been used up already."""
        self.revoked: set[int] = set()
        self.current: dict[int, str] = {}
        self._family: dict[str, int] = {}
        self._valid: dict[str, float] = {}
        self._numbers = count(1)
        self._raw = RawUpstream(self._serve)

    async def __aenter__(self) -> Self:
        await self._raw.__aenter__()
        self.url = self._raw.url
        self.token_url = f"{self.url}/token"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._raw.__aexit__(kind, error, trace)

    def begin_family(self) -> str:
        """A first refresh token, as a login would give it."""
        family = next(self._numbers)
        return self._refresh_token(family)

    def expire_tokens(self) -> None:
        """The API takes none of the access tokens any more that were given until now."""
        self._valid.clear()

    def takes(self, token: str) -> bool:
        """Whether an API takes this access token."""
        return self._valid.get(token, 0) > asyncio.get_running_loop().time()

    def profile(self, **more: Any) -> dict[str, Any]:
        """The options of a profile for this server."""
        return {
            "type": "oauth2",
            "grant": "client_credentials",
            "token_url": self.token_url,
            "client_id": CLIENT,
            "client_secret": SECRET,
        } | more

    def person(self, refresh_token: object, **more: Any) -> dict[str, Any]:
        return self.profile(grant="refresh_token", refresh_token=refresh_token) | more

    @property
    def api_requests(self) -> list[Request]:
        return [request for request in self._raw.requests if request.head.target != b"/token"]

    # The two services

    async def _serve(self, connection: Connection) -> None:
        while True:
            start = connection._at
            request = await connection.request()
            if request.head.target != b"/token":
                await connection.send(self._api(request))
                continue
            self.asked.append(dict(parse_qsl(request.content.decode())))
            self.proofs.append(request.head.get(b"authorization"))
            if self.next:
                # The script reads the request for itself.
                connection._at = start
                await self.next.popleft()(connection)
                return
            await self._exchange(connection, request)

    def _api(self, request: Request) -> bytes:
        scheme, _, token = (request.head.get(b"authorization") or b"").decode().partition(" ")
        if scheme == "Bearer" and self.takes(token):
            return answer(200, request.content or b"ok", media=b"text/plain")
        return answer(401, {"message": "no"}, b'WWW-Authenticate: Bearer error="invalid_token"')

    async def _exchange(self, connection: Connection, request: Request) -> None:
        asked = self.asked[-1]
        if not self._proves(request, asked):
            await connection.send(answer(401, {"error": "invalid_client"}))
            return
        await self.before_commit()
        granted = self._grant(asked)
        await self.after_commit()
        await connection.send(answer(200 if "access_token" in granted else 400, granted))

    def _proves(self, request: Request, asked: dict[str, str]) -> bool:
        if "client_secret" in asked:
            return self.clients.get(asked["client_id"]) == asked["client_secret"]
        _, _, proof = (request.head.get(b"authorization") or b"").partition(b" ")
        name, _, secret = base64.b64decode(proof).decode().partition(":")
        return self.clients.get(unquote_plus(name)) == unquote_plus(secret)

    def _grant(self, asked: dict[str, str]) -> dict[str, Any]:
        granted: dict[str, Any] = {"token_type": "Bearer", "expires_in": self.lifetime}
        if asked["grant_type"] == "refresh_token":
            presented = asked["refresh_token"]
            family = self._family.get(presented)
            if family is not None and presented != self.current[family]:
                self.superseded.append(presented)
                self.revoked.add(family)
            if family is None or family in self.revoked:
                return {"error": "invalid_grant"}
            if self.rotates:
                granted["refresh_token"] = self._refresh_token(family)
        elif self.gives_refresh:
            granted["refresh_token"] = self.begin_family()
        self.exchanges += 1
        token = f"access-{next(self._numbers)}"
        self._valid[token] = asyncio.get_running_loop().time() + self.lifetime
        return granted | {"access_token": token}

    def _refresh_token(self, family: int) -> str:
        token = f"refresh-{family}-{next(self._numbers)}"
        self._family[token] = family
        self.current[family] = token
        return token
