"""Upstreams and token endpoints that say everything they were told.

A token endpoint that refuses repeats what it was sent; an upstream that is no HTTP answers with the request's head.
What must not live here: what is configured (`leaky_profiles`, `leaky_world`).
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import trustme

from tests.peers.canaries import Canaries
from tests.peers.planted import Planted
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.token_server import answer

__all__ = ["BAD", "LeakyPeers", "leaky_peers"]

BAD = ("refuses", "fails", "babbles", "lies")
"""First part of the path at a desk that gives no token."""
_BAD_DESKS = 30


class LeakyPeers:
    """`tls` are the options of TLS toward `closed` and `closed_desk`, which want a client's certificate."""

    def __init__(self, planted: Planted) -> None:
        self.canaries: Canaries = planted.canaries
        self.answered_body = planted.plain("answer's content")
        self.answered_cookie = planted.plain("answer's cookie")
        self.answered_place = planted.plain("answer's Location")
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        client = authority.issue_cert("client.example")
        self.tls = {
            "ca": planted.holding("authority", authority.cert_pem.bytes().decode())["file"],
            "cert": planted.holding("certificate", client.cert_chain_pems[0].bytes().decode())["file"],
            "key": planted.holding("tls key", planted.pem("TLS key", client.private_key_pem.bytes().decode()))["file"],
        }
        self.api = RawUpstream(self._api)
        self.desk = RawUpstream(self._desk)
        self.receiver = RawUpstream(self._receive)
        self.plain = RawUpstream(self._knows_no_tls)
        self.closed = RawUpstream(self._api, tls=context)
        self.closed_desk = RawUpstream(self._desk, tls=context)
        # Apart, because the endpoints of a server share a circuit.
        self._bad_desks = [RawUpstream(self._desk) for _ in range(_BAD_DESKS)]
        self._unused = iter(self._bad_desks)

    @property
    def all(self) -> list[RawUpstream]:
        named = [self.api, self.desk, self.receiver, self.plain, self.closed, self.closed_desk]
        return [*named, *self._bad_desks]

    def bad_desk(self) -> str:
        """URL of one that nobody else uses."""
        return next(self._unused).url

    async def _api(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            path = request.head.target.partition(b"?")[0].rpartition(b"/")[2]
            if path == b"close":
                return
            if path == b"garbage":
                await connection.send(b"NOT HTTP " + bytes(connection.arrived) + b"\r\n\r\n")
                return
            if path in (b"hang", b"late"):
                await connection.gone()
                return
            status = int(path) if path.isdigit() else 200
            lines = [b"Set-Cookie: session=" + self.answered_cookie.encode()]
            if status == 302:
                lines.append(b"Location: https://u:%b@h.example/?token=%b" % ((self.answered_place.encode(),) * 2))
            if status == 401:
                lines.append(b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256')
            await connection.send(answer(status, self.answered_body.encode(), *lines, media=b"text/plain"))

    async def _desk(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            kind = request.head.target.strip(b"/").replace(b"?", b"/").split(b"/")[0].decode()
            told = request.content.decode("latin-1") + str(request.head.fields) + request.head.target.decode()
            if kind == "refuses":
                refusal = {"error": "invalid_grant", "error_description": told, "error_uri": told, "message": told}
                await connection.send(answer(400, refusal))
            elif kind == "fails":
                await connection.send(answer(500, told.encode(), media=b"text/html"))
            elif kind == "lies":
                members = {"access_token": [told], "error": told, "token_type": told, "expires_in": told}
                await connection.send(answer(403, members))
            elif kind == "babbles":
                await connection.send(b"NOT HTTP " + bytes(connection.arrived) + b"\r\n\r\n")
                return
            else:
                cookie = b"Set-Cookie: portal=" + self.canaries.new(f"cookie of {kind}").encode()
                await connection.send(answer(200, self._given(kind), cookie))

    def _given(self, kind: str) -> dict[str, Any]:
        token = self.canaries.new(f"access token of {kind}")
        given = {name: self.canaries.new(f"{name} of {kind}") for name in ("refresh_token", "id_token", "device_code")}
        scheme = "DPoP" if kind.startswith("dpop") else "Bearer"
        return given | {
            "access_token": token,
            "token": token,
            "token_type": scheme,
            "expires_in": 3600,
            "expires_at": "2099-01-01T00:00:00Z",
            "user_code": "ABCD-EFGH",
            "verification_uri": "https://h.example/",
            "interval": 0.05,
        }

    async def _receive(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            status = 500 if request.head.target.startswith(b"/fails") else 204
            told = b"" if status == 204 else str(request.head.fields).encode() + request.head.target
            await connection.send(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(told), told)
                                  if told else b"HTTP/1.1 204 No Content\r\n\r\n")  # fmt: skip

    async def _knows_no_tls(self, connection: Connection) -> None:
        await connection.more()
        await connection.send(b"HTTP/1.1 400 No\r\n\r\n")


@asynccontextmanager
async def leaky_peers(planted: Planted) -> AsyncIterator[LeakyPeers]:
    """All of them listening."""
    async with AsyncExitStack() as running:
        peers = LeakyPeers(planted)
        for upstream in peers.all:
            await running.enter_async_context(upstream)
        yield peers
