"""Answers that mean "not authorised" in an API's own way, on the wire, and answers that must not be held up for it."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import Outrider
from tests.peers.token_server import answer

Start = Callable[..., Awaitable[Outrider]]
CONTRACT = "code == `401` || contains(message || '', 'token expired')"


class Api:
    """Answers `refusal` to all but the token `fresh`, and rotates to that at the first. `tokens` are those it saw."""

    def __init__(self, refusal: bytes, rotate: Callable[[], object] = lambda: None, good: bytes = b"") -> None:
        self.refusal = refusal
        self.rotate = rotate
        self.good = good or answer(200, {"message": "here you are"})
        self.tokens: list[bytes | None] = []

    async def __call__(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            self.tokens.append(request.head.get(b"authorization"))
            good = self.tokens[-1] == b"Bearer fresh"
            if not good:
                self.rotate()
            await connection.send(self.good if good else self.refusal)


def write(folder: Path, token: str) -> Path:
    path = folder / "token"
    beside = folder / "token.new"
    beside.touch(mode=0o600)
    beside.write_text(token)
    beside.rename(path)
    return path


def facing(url: str, folder: Path, **unauthorized: Any) -> dict[str, Any]:
    profile = {"type": "file", "path": str(write(folder, "stale")), "unauthorized": unauthorized}
    return {"auth": {"p": profile}, "upstreams": {"api": {"url": url, "auth": "p"}}}


@pytest.mark.parametrize(
    ("refusal", "unauthorized"),
    [
        (answer(200, {"code": 401}), {"body": CONTRACT}),
        (answer(500, {"message": "the token expired"}), {"body": CONTRACT}),
        (answer(200, gzip.compress(b'{"code":401}'), b"Content-Encoding: gzip"), {"body": CONTRACT}),
        (answer(403, b"no", media=b"text/plain"), {"status": [401, 403]}),
        (answer(302, b"", b"Location: /login?next=%2F"), {"redirect": "/login"}),
        (answer(200, b"<html><form action=/login>", media=b"text/html"), {"form": "action=.?/login"}),
    ],
    ids=["body", "body under 500", "compressed body", "status", "redirect", "form"],
)
@pytest.mark.parametrize("method", [b"GET", b"POST"])
async def test_an_answer_that_means_it_is_answered_with_another_credential(
    outrider: Start, tmp_path: Path, refusal: bytes, unauthorized: dict[str, Any], method: bytes
) -> None:
    api = Api(refusal, lambda: write(tmp_path, "fresh"))
    async with RawUpstream(api) as upstream:
        running = await outrider(facing(upstream.url, tmp_path, **unauthorized))
        answered = await running.request(method, b"/", content=b"an order" if method == b"POST" else b"")
    assert (answered.status, answered.content) == (200, b'{"message": "here you are"}')
    assert api.tokens == [b"Bearer stale", b"Bearer fresh"]


async def test_a_second_answer_that_means_it_passes_byte_for_byte(outrider: Start, tmp_path: Path) -> None:
    api = Api(answer(200, b'{ "code":401, "more": [1,2 ] }'), lambda: write(tmp_path, "other"))
    async with RawUpstream(api) as upstream:
        running = await outrider(facing(upstream.url, tmp_path, body=CONTRACT))
        answered = await running.request()
    assert (answered.status, answered.content) == (200, b'{ "code":401, "more": [1,2 ] }')
    assert api.tokens == [b"Bearer stale", b"Bearer other"]


@pytest.mark.parametrize("media", [b"text/event-stream", b"application/x-ndjson", b"text/plain"])
async def test_a_stream_is_not_held_up(outrider: Start, tmp_path: Path, media: bytes) -> None:
    go_on = asyncio.Event()

    async def streaming(connection: Connection) -> None:
        await connection.request()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: " + media + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
        await connection.send(head + b"6\r\ndata:1\r\n")
        await go_on.wait()
        await connection.send(b"0\r\n\r\n")

    async with RawUpstream(streaming) as upstream:
        running = await outrider(facing(upstream.url, tmp_path, body=CONTRACT, form="login"))
        async with await running.caller() as caller:
            await caller.send(running.head())
            seen = b""
            while b"data:1" not in seen:
                seen += await caller.piece(1)
            go_on.set()


async def test_a_large_json_answer_passes_whole_and_is_not_judged(outrider: Start, tmp_path: Path) -> None:
    large = b'{"code": 401, "data": "' + b"x" * 3_000_000 + b'"}'
    chunked = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked += b"%x\r\n%b\r\n0\r\n\r\n" % (len(large), large)
    for good in (answer(200, large), chunked):
        api = Api(good, good=good)
        async with RawUpstream(api) as upstream:
            running = await outrider(facing(upstream.url, tmp_path, body=CONTRACT))
            answered = await running.request()
        assert answered.content == large
        assert len(api.tokens) == 1
