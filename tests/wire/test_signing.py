"""Signed requests on the wire: a real daemon, and an upstream that computes each signature for itself."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable

import pytest

from tests.peers.grammar import Request
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import Outrider

Start = Callable[..., Awaitable[Outrider]]
PROFILE = {
    "type": "hmac",
    "key": "canary-key",
    "sign": "{{ nonce }} {{ method }} {{ target }} {{ host }} {{ content_sha256 }} {{ header.X-Set }}",
    "set": {"X-Nonce": "{{ nonce }}", "X-Signature": "{{ signature }}"},
}
EDITS = {"set": {"X-Set": "fixed"}}


def is_signed(request: Request) -> bool:
    """By a reader of its own of what came."""
    head = request.head
    text = b" ".join(
        [
            head.get(b"x-nonce") or b"",
            head.method,
            head.target,
            head.get(b"host") or b"",
            hashlib.sha256(request.content).hexdigest().encode(),
            head.get(b"x-set") or b"",
        ]
    )
    wanted = hmac.new(b"canary-key", text, "sha256").hexdigest().encode()
    return head.all(b"x-signature") == [wanted]


def judges(statuses: list[int]) -> Callable[[Connection], Awaitable[None]]:
    """Answers with these statuses in turn, then 200; 400 to what is not signed well."""
    left = list(statuses)

    async def script(connection: Connection) -> None:
        while True:
            request = await connection.request()
            status = (left.pop(0) if left else 200) if is_signed(request) else 400
            await connection.send(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)

    return script


def facing(url: str, **upstream: object) -> dict[str, object]:
    entry = {"url": url + "/base", "auth": "p", "match": {"prefix": "/api"}, "headers": EDITS, **upstream}
    return {"auth": {"p": PROFILE}, "upstreams": {"api": entry}}


@pytest.mark.parametrize("target", [b"/api/a%2Fb/../c?x=%20&y=+&z", b"/api", b"/api?q", b"/api/"])
async def test_what_is_signed_is_what_the_upstream_sees(outrider: Start, target: bytes) -> None:
    async with RawUpstream(judges([])) as upstream:
        running = await outrider(facing(upstream.url))
        forged = (b"x_signature: forged", b"X-Set: mine", b"X-NONCE: 1")
        assert (await running.request(b"PATCH", target, *forged, content=b"\x00\xff")).status == 200


async def test_each_attempt_has_a_signature_of_its_own(outrider: Start) -> None:
    async with RawUpstream(judges([503, 503])) as upstream:
        running = await outrider(facing(upstream.url, retry={"backoff": {"base": "1ms"}}))
        assert (await running.request(b"PUT", b"/api/x", content=b"abc")).status == 200
        nonces = [request.head.get(b"x-nonce") for request in upstream.requests]
        assert len(set(nonces)) == 3


async def test_content_that_comes_late_is_signed_on_every_attempt(outrider: Start) -> None:
    async with RawUpstream(judges([503])) as upstream:
        running = await outrider(facing(upstream.url, retry={"backoff": {"base": "1ms"}}))
        async with await running.caller() as caller:
            await caller.send(running.head(b"PUT", b"/api/x", b"Transfer-Encoding: chunked"))
            await caller.send(b"3\r\nabc\r\n")
            await caller.send(b"3\r\ndef\r\n0\r\n\r\n")
            assert (await caller.answer(b"PUT")).status == 200
        assert [request.content for request in upstream.requests] == [b"abcdef"] * 2


async def test_content_over_the_cap_is_told_by_its_stage(outrider: Start) -> None:
    async with RawUpstream(judges([])) as upstream:
        config = facing(upstream.url)
        config["auth"] = {"p": PROFILE | {"max_content": "8B"}}
        running = await outrider(config)
        answer = await running.request(b"POST", b"/api", content=b"123456789")
        assert answer.status == 413
        assert b'"stage": "sign"' in answer.content.replace(b'"stage":"sign"', b'"stage": "sign"')
        assert b"canary" not in answer.content
        assert upstream.requests == []


async def test_a_caller_that_wants_no_credential_gets_no_signature(outrider: Start) -> None:
    async with RawUpstream(judges([])) as upstream:
        running = await outrider(facing(upstream.url))
        assert (await running.request(b"GET", b"/api", b"Outrider-Auth: none")).status == 400
        assert upstream.requests[0].head.all(b"x-signature") == []


async def test_the_extra_try_of_a_connection_that_had_ended_is_signed_anew(outrider: Start) -> None:
    """What the upstream has read before it closed would be a replay when it came again."""
    attempt = judges([])

    async def closes_at_the_second(connection: Connection) -> None:
        if len(connection.upstream.connections) > 1:
            await attempt(connection)
        await connection.request()
        await connection.send(b"HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n")
        await connection.request()

    async with RawUpstream(closes_at_the_second) as upstream:
        running = await outrider(facing(upstream.url, retry={"attempts": 1}))
        for _ in range(2):
            assert (await running.request(b"GET", b"/api")).status == 200
        nonces = [request.head.get(b"x-nonce") for request in upstream.requests]
        assert (len(nonces), len(set(nonces))) == (3, 3)
