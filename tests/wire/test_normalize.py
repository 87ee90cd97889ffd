"""Error answers on the wire: a real API's (httpbin), and those that only a script gives."""

import asyncio
import gzip
import json
from typing import Any

from tests.peers.caller import Answer
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import answers

NORMALIZED = {
    "errors": {"normalize": True, "message": "message || error", "max_wait": "200ms"},
    "retry": {"attempts": 1},
}


def document(answer: Answer) -> dict[str, Any]:
    assert answer.get(b"content-type") == b"application/problem+json"
    made: dict[str, Any] = json.loads(answer.content)
    return made


def error(status: int, content: bytes, *lines: bytes) -> bytes:
    head = [b"HTTP/1.1 %d X" % status, b"Content-Length: %d" % len(content), *lines, b"", content]
    return b"\r\n".join(head)


async def test_a_real_apis_errors_are_problems_and_its_answers_are_its_own(outrider: Any, httpbin: str) -> None:
    running = await outrider(facing(httpbin, auth=False, upstream=NORMALIZED))
    made = document(answer := await running.request(b"GET", b"/status/418"))
    assert (answer.status, made["status"], made["code"]) == (418, 418, "upstream_error")
    assert made["request_id"].encode() == answer.get(b"outrider-request-id")
    assert "teapot" in made["upstream_error"]
    fine = await running.request(b"GET", b"/json")
    assert (fine.status, fine.get(b"content-type")) == (200, b"application/json")


async def test_a_challenge_keeps_its_fields(outrider: Any, httpbin: str) -> None:
    running = await outrider(facing(httpbin, auth=False, upstream=NORMALIZED))
    answer = await running.request(b"GET", b"/basic-auth/a/b")
    assert answer.status == 401
    assert (answer.get(b"www-authenticate") or b"").lower().startswith(b"basic")
    assert "upstream_error" not in document(answer)


async def test_a_compressed_error_is_read(outrider: Any) -> None:
    content = gzip.compress(b'{"message": "over quota"}')
    lines = (b"Content-Encoding: gzip", b"Content-Type: application/json", b"Retry-After: 7")
    async with RawUpstream(answers(error(429, content, *lines))) as upstream:
        running = await outrider(facing(upstream.url, auth=False, upstream=NORMALIZED))
        answer = await running.request()
    assert document(answer)["detail"] == "over quota"
    assert (answer.get(b"retry-after"), answer.get(b"content-encoding")) == (b"7", None)


async def test_a_head_request_has_the_problems_head_and_no_content(outrider: Any) -> None:
    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(b"HTTP/1.1 404 X\r\nContent-Length: 9\r\nContent-Type: text/plain\r\n\r\n")

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url, auth=False, upstream=NORMALIZED))
        async with await running.caller() as caller:
            for _ in range(2):
                await caller.send(running.head(b"HEAD"))
                answer = await caller.answer(b"HEAD")
                assert (answer.status, answer.content) == (404, b"")
                assert answer.get(b"content-type") == b"application/problem+json"


async def test_an_error_that_never_ends_is_answered_all_the_same(outrider: Any) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        await connection.gone()

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url, auth=False, upstream=NORMALIZED))
        assert document(await running.request())["upstream_error"] == "half"


async def test_those_who_share_an_error_are_each_told_their_own_request(outrider: Any) -> None:
    arrived, go = asyncio.Event(), asyncio.Event()

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            arrived.set()
            await go.wait()
            await connection.send(error(404, b'{"message": "none"}'))

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url, auth=False, upstream={**NORMALIZED, "dedup": {}}))
        asked = [asyncio.create_task(running.request()) for _ in range(2)]
        await arrived.wait()
        await running.has_in_flight(lambda count: count == 2)
        go.set()
        documents = [document(answer) for answer in await asyncio.gather(*asked)]
        assert len(upstream.requests) == 1
    assert len({made["request_id"] for made in documents}) == 2
