"""HTTP Digest on the wire, before a real httpbin that computes each answer for itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.peers.raw_upstream import Connection, RawUpstream, Script
from tests.peers.running import Outrider

Start = Callable[..., Awaitable[Outrider]]


def facing(url: str, password: str = "pass", **upstream: Any) -> dict[str, Any]:
    """httpbin's endpoints below a base path, met by a prefix that is taken away."""
    entry = {"url": url + "/digest-auth", "auth": "p", "match": {"prefix": "/api"}, **upstream}
    return {"auth": {"p": {"type": "digest", "username": "ann", "password": password}}, "upstreams": {"api": entry}}


def target(qop: str = "auth", algorithm: str = "MD5", more: str = "") -> bytes:
    return f"/api/{qop}/ann/pass/{algorithm}{more}".encode()


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512"])
@pytest.mark.parametrize("qop", ["auth", "auth-int"])
async def test_each_algorithm_is_answered(outrider: Start, httpbin: str, algorithm: str, qop: str) -> None:
    running = await outrider(facing(httpbin))
    for _ in range(2):
        answer = await running.request(b"GET", target(qop, algorithm), b"Authorization: Basic Zm9yZ2Vk")
        assert answer.status == 200
        assert b'"user": "ann"' in answer.content


def challenging(*nonces: bytes) -> Script:
    """Answers a request with 200 where it has the last of the nonces that were offered; else offers the next one."""
    left = list(nonces)
    offered: list[bytes] = []

    async def script(connection: Connection) -> None:
        while True:
            head = (await connection.request()).head
            given = head.get(b"authorization") or b""
            good = offered and b'nonce="%b"' % offered[-1] in given and b'uri="%b"' % head.target in given
            if good and b"nc=00000003" not in given:
                await connection.send(b"HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n")
                continue
            offered.append(left.pop(0))
            challenge = b'Digest realm="r", qop="auth", stale=true, nonce="%b"' % offered[-1]
            await connection.send(b"HTTP/1.1 401 X\r\nwww-authenticate: %b\r\ncontent-length: 0\r\n\r\n" % challenge)

    return script


async def test_a_nonce_that_has_become_stale_is_replaced_within_the_request(outrider: Start) -> None:
    async with RawUpstream(challenging(b"one", b"two")) as upstream:
        running = await outrider(facing(upstream.url))
        target = b"/api/x%2Fy?a=%20b&c"
        assert [(await running.request(b"GET", target)).status for _ in range(4)] == [200] * 4
        assert {request.head.target for request in upstream.requests} == {b"/digest-auth/x%2Fy?a=%20b&c"}
        assert len(upstream.requests) == 6


async def test_an_upload_is_replayed_whole_when_it_brought_the_challenge(outrider: Start) -> None:
    async with RawUpstream(challenging(b"one")) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            await caller.send(running.head(b"POST", b"/api", b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n")
            await caller.send(b"3\r\ndef\r\n0\r\n\r\n")
            assert (await caller.answer(b"POST")).status == 200
        assert [request.content for request in upstream.requests] == [b"abcdef"] * 2


async def test_a_wrong_password_passes_as_it_came(outrider: Start, httpbin: str) -> None:
    running = await outrider(facing(httpbin, "wrong"))
    answer = await running.request(b"GET", target())
    assert answer.status == 401


async def test_many_requests_at_once_share_a_nonce_and_count_apart(outrider: Start, httpbin: str) -> None:
    running = await outrider(facing(httpbin))
    answers = await asyncio.gather(*(running.request(b"GET", target(algorithm="SHA-256")) for _ in range(20)))
    assert [answer.status for answer in answers] == [200] * 20
