"""Interceptors on the wire: those of config/interceptors.yaml, before a real API and before one that fails."""

import asyncio
import json
from pathlib import Path
from typing import Any

from proxy.config.load import load_text
from proxy.daemon import Daemon
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import TOKEN, Outrider, facing, on_free_ports
from tests.peers.scripts import answers, closes_unanswered

CONFIG = Path(__file__).resolve().parent.parent.parent / "config"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Old-Quota: 7\r\nContent-Length: %d\r\n\r\n%b"


def ok(content: bytes = b"{}") -> bytes:
    return HEAD % (len(content), content)


async def started(config: dict[str, Any], base: Path = CONFIG) -> Outrider:
    daemon = Daemon(load_text(on_free_ports(config), "outrider.yaml", {}, base), {})
    await daemon.start()
    return Outrider(daemon)


def with_examples(url: str, *names: str, **upstream: Any) -> dict[str, Any]:
    interceptors = {
        "v2": {
            "fields": {"rename": {"X-User": "X-Customer"}},
            "query": {"rename": {"q": "query"}, "set": {"format": "json"}},
            "json": {"default": {"currency": "EUR"}},
            "response": {"rename": {"X-Old-Quota": "X-Quota"}},
        },
        "closed": {
            "class": "interceptor_examples:OpeningHours",
            "options": {"opens": 23, "closes": 24, "methods": ["PUT"]},
        },
        "fallback": {"class": "interceptor_examples:Fallback", "options": {"answers": {"/rates": {"EUR": 1.0}}}},
        "masked": {"class": "interceptor_examples:Masked", "options": {"members": ["email"]}},
        "spy": {"class": "spying:Spy"},
    }
    used = {name: interceptors[name] for name in names}
    return facing(url, upstream={"interceptors": list(names), **upstream}, interceptors=used)


async def test_a_real_api_sees_what_was_edited_and_the_caller_what_came_back(httpbin: str) -> None:
    running = await started(with_examples(httpbin, "v2", "masked"))
    try:
        content = b'{"email": "a@b.example", "amount": 1.10}'
        lines = (b"Content-Type: application/json", b"X-User: 7")
        answer = await running.request(b"POST", b"/anything?q=%41", *lines, content=content)
    finally:
        await running.stop()
    seen = json.loads(answer.content)
    assert seen["data"] == '{"currency": "EUR", "email": "a@b.example", "amount": 1.10}'
    assert seen["args"] == {"query": "A", "format": "json"}
    assert (seen["headers"]["X-Customer"], "X-User" in seen["headers"]) == ("7", False)
    assert seen["json"] == {"currency": "EUR", "email": "•••", "amount": 1.1}
    assert seen["headers"]["Authorization"] == f"Bearer {TOKEN}"


async def test_who_refuses_answers_for_the_upstream_which_sees_nothing() -> None:
    async with RawUpstream(answers(ok())) as upstream:
        config = with_examples(upstream.url, "v2", "closed")
        config["interceptors"]["closed"]["options"] |= {"opens": 0, "closes": 1, "methods": ["PUT"]}
        config["interceptors"]["open"] = {
            "class": "interceptor_examples:OpeningHours",
            "options": {"opens": 1, "closes": 24, "methods": ["PUT"]},
        }
        config["upstreams"]["api"]["interceptors"] += ["open"]
        running = await started(config)
        try:
            # At any hour one of the two is closed.
            refused = await running.request(b"PUT", b"/", content=b"x")
            fine = await running.request(b"GET", b"/")
        finally:
            await running.stop()
        assert len(upstream.heads) == 1
    problem = json.loads(refused.content)
    assert (refused.status, problem["code"], problem["stage"]) == (403, "request_refused", "intercept")
    assert "Changes are made from" in problem["detail"]
    assert (fine.status, fine.get(b"x-quota"), fine.get(b"x-old-quota")) == (200, b"7", None)


async def test_an_answer_in_the_place_of_an_error_says_who_gave_it() -> None:
    async with RawUpstream(closes_unanswered()) as upstream:
        running = await started(with_examples(upstream.url, "fallback", retry={"attempts": 1}))
        try:
            answer = await running.request(b"GET", b"/rates")
            other = await running.request(b"GET", b"/orders")
        finally:
            await running.stop()
    assert (answer.status, json.loads(answer.content)) == (200, {"EUR": 1.0})
    assert answer.get(b"x-fallback") == b"upstream_disconnected"
    assert other.status == 502


SPY = """
from collections.abc import AsyncIterator
from proxy.intercept import Request, Response

seen = []

class Spy:
    def on_request(self, request: Request) -> None:
        seen.append(repr(dict(request.fields)) + request.path + repr(dict(request.query)))
        if request.query.get("fail") == "in":
            raise KeyError("canary-of-the-trace")
        if tenant := request.query.get("tenant"):
            request.query.remove("tenant")
            request.fields["X-Shard"] = tenant
        request.transform(shout)

    async def on_response(self, request: Request, response: Response) -> None:
        seen.append(repr([getattr(request, name, None) for name in dir(request) if not name.startswith("__")]))
        response.transform(shout)


async def shout(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        if piece == b"break":
            raise ValueError("canary-of-the-trace")
        yield piece.upper()
"""


async def spying(tmp_path: Path, url: str, **upstream: Any) -> Outrider:
    (tmp_path / "spying.py").write_text(SPY)
    return await started(with_examples(url, "spy", **upstream), tmp_path)


def seen_by_the_spy() -> str:
    import sys

    (module,) = [module for name, module in sys.modules.items() if name.endswith("_spying")][-1:]
    return "".join(module.seen)


async def test_content_streams_through_both_ways_and_the_credential_is_never_seen(tmp_path: Path) -> None:
    async with RawUpstream(answers(ok(b'{"a": "b"}'))) as upstream:
        running = await spying(tmp_path, upstream.url)
        try:
            answer = await running.request(b"POST", b"/x", content=b"hello " * 1000)
        finally:
            await running.stop()
        assert upstream.requests[0].content == b"HELLO " * 1000
        assert TOKEN.encode() in dict(upstream.heads[0].fields)[b"Authorization"]
    assert answer.content == b'{"A": "B"}'
    assert TOKEN not in seen_by_the_spy()


async def test_one_that_fails_is_named_and_its_trace_stays_here(tmp_path: Path) -> None:
    async with RawUpstream(answers(ok())) as upstream:
        running = await spying(tmp_path, upstream.url)
        try:
            async with await running.caller() as caller:
                await caller.send(running.head(b"GET", b"/?fail=in"))
                answer = await caller.answer()
                await caller.send(running.head(b"GET", b"/"))
                assert (await caller.answer()).status == 200
        finally:
            await running.stop()
        assert len(upstream.heads) == 1
    problem = json.loads(answer.content)
    assert (answer.status, problem["code"]) == (500, "interceptor_failed")
    assert problem["detail"] == "The interceptor spy failed, in on_request. Outrider's log has the trace."
    assert b"canary" not in answer.content


async def test_an_answer_that_an_interceptor_breaks_never_looks_whole(tmp_path: Path) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n")
        await asyncio.sleep(0.05)
        await connection.send(b"5\r\nbreak\r\n0\r\n\r\n")
        await connection.gone()

    async with RawUpstream(script) as upstream:
        running = await spying(tmp_path, upstream.url)
        try:
            data = await running.raw(running.head(b"GET", b"/", b"Connection: close"))
        finally:
            await running.stop()
    assert b"FINE" in data
    assert not data.endswith(b"0\r\n\r\n")


async def test_what_an_interceptor_puts_in_tells_requests_apart(tmp_path: Path) -> None:
    arrived, go = asyncio.Event(), asyncio.Event()

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            if len(connection.upstream.heads) == 2:
                arrived.set()
            await go.wait()
            await connection.send(ok())

    async with RawUpstream(script) as upstream:
        running = await spying(tmp_path, upstream.url, dedup={})
        try:
            targets = (b"/?tenant=a", b"/?tenant=a", b"/?tenant=b")
            asked = [asyncio.create_task(running.request(b"GET", target)) for target in targets]
            await running.has_in_flight(lambda count: count == 3)
            await asyncio.wait_for(arrived.wait(), 5)
            go.set()
            assert [answer.status for answer in await asyncio.gather(*asked)] == [200] * 3
        finally:
            await running.stop()
        assert sorted(dict(head.fields)[b"X-Shard"] for head in upstream.heads) == [b"a", b"b"]
