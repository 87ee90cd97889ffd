"""`Expect: 100-continue`: a caller is told to go on once route, guard and credential are known, and never in vain."""

import pytest

from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import answers, echoes_content

_EXPECTS = b"Expect: 100-continue"


async def test_a_caller_that_waits_is_told_to_go_on_once_the_request_may_go(outrider):
    async with RawUpstream(echoes_content()) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            await caller.send(running.head(b"PUT", b"/", _EXPECTS, b"Content-Length: 3"))
            assert (await caller.head(5)).status == 100
            await caller.send(b"abc")
            answer = await caller.answer()
            assert (answer.status, answer.content, answer.interim) == (200, b"abc", [])


@pytest.mark.parametrize(
    ("target", "lines", "status"),
    [
        (b"/other", (), 404),
        (b"/api", (b"Origin: https://evil.example",), 403),
        (b"/api", (b"Host: evil.example",), 400),
        (b"/broken", (), 503),
        (b"/api", (b"Content-Length: 99999999999",), 413),
    ],
)
async def test_a_caller_that_waits_for_a_refusal_is_never_told_to_go_on(outrider, target, lines, status):
    broken = {"broken": {"type": "file", "path": "/nowhere/token"}}
    async with RawUpstream(answers()) as upstream:
        config = facing(upstream.url, upstream={"match": {"prefix": "/api"}})
        config["auth"] = config["auth"] | broken
        config["upstreams"]["broken"] = {"url": upstream.url, "match": {"prefix": "/broken"}, "auth": "broken"}
        running = await outrider(config)
        async with await running.caller() as caller:
            length = () if any(line.startswith(b"Content-Length") for line in lines) else (b"Content-Length: 3",)
            await caller.send(running.head(b"PUT", target, _EXPECTS, *lines, *length))
            answer = await caller.answer(timeout=5)
            assert (answer.status, answer.interim) == (status, [])
            assert answer.code
        assert not upstream.heads


async def test_an_expectation_that_nobody_knows_is_refused_or_ignored(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await running.request(b"PUT", b"/", b"Expect: the-moon", content=b"abc")
        assert answer.status in (200, 400, 417)
