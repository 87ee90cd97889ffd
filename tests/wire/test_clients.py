"""Real clients through Outrider to real servers: what they see differs from a direct call only by the credential."""

import asyncio
import contextlib
import io
import json
import shutil
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import TOKEN, facing
from tests.peers.scripts import answers

_BEARER = f"Bearer {TOKEN}"


async def _in_thread(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Run a blocking client beside the daemon's loop."""
    return await asyncio.to_thread(function, *arguments, **options)


async def _curl(*arguments: str) -> tuple[int, bytes, bytes]:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("curl", "-sS", "-m", "10", *arguments, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out, err


@pytest.fixture
async def before_httpbin(outrider, httpbin):
    """An Outrider before httpbin, met under a prefix."""
    return await outrider(facing(httpbin, upstream={"match": {"prefix": "/api"}}))


async def test_curl_gets_an_authenticated_answer(before_httpbin):
    code, out, _ = await _curl(f"{before_httpbin.url}/api/bearer")
    assert code == 0
    assert json.loads(out) == {"authenticated": True, "token": TOKEN}


async def test_curl_uploads_a_file_and_waits_for_continue(before_httpbin, tmp_path):
    (tmp_path / "file").write_bytes(b"a" * 3_000_000)
    code, out, err = await _curl(
        "-v", "-H", "Expect: 100-continue", "-F", f"f=@{tmp_path / 'file'}", f"{before_httpbin.url}/api/post"
    )
    assert code == 0
    assert len(json.loads(out)["files"]["f"]) == 3_000_000
    assert b"100 Continue" in err
    code, out, _ = await _curl("-T", str(tmp_path / "file"), f"{before_httpbin.url}/api/put")
    assert (code, len(json.loads(out)["data"])) == (0, 3_000_000)


async def test_curl_uploads_in_chunks(before_httpbin, tmp_path):
    (tmp_path / "file").write_bytes(b"a" * 300_000)
    chunked = ("-H", "Transfer-Encoding: chunked", "-T", str(tmp_path / "file"))
    code, out, _ = await _curl(*chunked, f"{before_httpbin.url}/api/put")
    assert (code, len(json.loads(out)["data"])) == (0, 300_000)


async def test_curl_sees_that_a_cut_answer_is_cut(outrider):
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url))
        code, _, _ = await _curl(running.url)
        assert code in (18, 52, 56)


async def test_curl_speaks_http_1_0_and_head(before_httpbin):
    code, out, _ = await _curl("-0", f"{before_httpbin.url}/api/get?a=b")
    assert (code, json.loads(out)["args"]) == (0, {"a": "b"})
    code, out, _ = await _curl("-I", f"{before_httpbin.url}/api/get")
    assert (code, out.startswith(b"HTTP/1.1 200 ")) == (0, True)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_requests_arrive_as_requests_sent_them(before_httpbin, httpbin, method):
    options: dict[str, Any] = {"params": {"q": "a b/ü", "r": ["1", "2"]}, "headers": {"X-Own": "ü".encode()}}
    options["data"] = None if method == "GET" else {"k": "v w"}
    through = (await _in_thread(requests.request, method, f"{before_httpbin.url}/api/anything/x%2fy", **options)).json()
    direct = (await _in_thread(requests.request, method, f"{httpbin}/anything/x%2fy", **options)).json()
    assert through["headers"].pop("Authorization") == _BEARER
    through["headers"].pop("Connection", None)
    direct["headers"].pop("Connection", None)
    through.pop("origin"), direct.pop("origin")
    assert through == direct


async def test_requests_sends_many_files_at_once(before_httpbin):
    files = [("f", (f"{number}.bin", io.BytesIO(b"%d" % number * 100_000))) for number in range(3)]
    answer = await _in_thread(requests.post, f"{before_httpbin.url}/api/post", files=files, data={"field": "value"})
    assert answer.json()["form"] == {"field": "value"}
    assert len(answer.json()["files"]["f"]) in (3, 100_000)


async def test_requests_streams_an_upload_in_chunks(before_httpbin):
    def pieces():
        for _ in range(30):
            yield b"a" * 10_000

    answer = await _in_thread(requests.post, f"{before_httpbin.url}/api/post", data=pieces())
    assert len(answer.json()["data"]) == 300_000


async def test_a_redirect_leads_back_here_and_is_followed_with_the_credential(before_httpbin):
    answer = await _in_thread(
        requests.get, f"{before_httpbin.url}/api/redirect-to", params={"url": "/bearer", "status_code": "302"}
    )
    assert answer.url == f"{before_httpbin.url}/api/bearer"
    assert answer.json()["token"] == TOKEN


async def test_an_absolute_redirect_into_the_upstream_leads_back_here(before_httpbin):
    answer = await _in_thread(requests.get, f"{before_httpbin.url}/api/absolute-redirect/2")
    assert answer.status_code == 200
    assert answer.url == f"{before_httpbin.url}/api/get"


async def test_a_redirect_elsewhere_is_left_to_the_caller(before_httpbin, httpbin):
    target = {"url": "http://elsewhere.example/x"}
    get = requests.get
    answer = await _in_thread(get, f"{before_httpbin.url}/api/redirect-to", params=target, allow_redirects=False)
    assert answer.headers["location"] == "http://elsewhere.example/x"


async def test_cookies_come_back_to_the_path_where_they_were_set(before_httpbin):
    def talk() -> dict[str, Any]:
        with requests.Session() as session:
            session.get(f"{before_httpbin.url}/api/cookies/set?flavour=oat", allow_redirects=False)
            return session.get(f"{before_httpbin.url}/api/cookies").json()

    assert await _in_thread(talk) == {"cookies": {"flavour": "oat"}}


async def test_no_cookie_of_one_caller_is_sent_for_another(before_httpbin):
    await _in_thread(requests.get, f"{before_httpbin.url}/api/cookies/set?flavour=oat")
    answer = await _in_thread(requests.get, f"{before_httpbin.url}/api/cookies")
    assert answer.json() == {"cookies": {}}


@pytest.mark.parametrize("path", ["gzip", "deflate", "brotli"])
async def test_compressed_answers_are_decoded_by_the_client_alone(before_httpbin, path):
    def talk() -> tuple[Any, bytes]:
        accept = {"Accept-Encoding": "gzip, deflate, br"}
        with requests.get(f"{before_httpbin.url}/api/{path}", headers=accept, stream=True) as answer:
            return answer.headers, answer.raw.read(decode_content=False)

    headers, raw = await _in_thread(talk)
    assert headers["content-encoding"] == {"brotli": "br"}.get(path, path)
    assert int(headers["content-length"]) == len(raw)
    assert not raw.startswith(b"{")


@pytest.mark.parametrize("status", [200, 201, 204, 304, 400, 401, 403, 404, 418, 429, 500, 502, 503, 504])
async def test_the_upstreams_own_status_passes_untouched(before_httpbin, httpbin, status):
    direct = await _in_thread(requests.get, f"{httpbin}/status/{status}")
    through = await _in_thread(requests.get, f"{before_httpbin.url}/api/status/{status}")
    assert (through.status_code, through.content) == (direct.status_code, direct.content)
    assert through.headers.get("content-type") == direct.headers.get("content-type")


async def test_httpx_keeps_one_connection_for_many_calls(before_httpbin):
    async with httpx.AsyncClient(base_url=f"{before_httpbin.url}/api") as client:
        for number in range(20):
            answer = await client.post("/anything", json={"number": number})
            assert answer.json()["json"] == {"number": number}


async def test_httpx_reads_a_stream_a_range_and_an_etag(before_httpbin):
    async with httpx.AsyncClient(base_url=f"{before_httpbin.url}/api") as client:
        async with client.stream("GET", "/stream-bytes/100000?seed=1&chunk_size=1000") as stream:
            streamed = await stream.aread()
        assert len(streamed) == 100_000
        part = await client.get("/range/1024", headers={"Range": "bytes=10-19"})
        assert (part.status_code, len(part.content)) == (206, 10)
        etag = await client.get("/etag/abc", headers={"If-None-Match": '"abc"'})
        assert etag.status_code == 304
        drip = await client.get("/drip?numbytes=5&duration=0.2&delay=0")
        assert drip.content == b"*****"


async def test_twenty_httpx_callers_at_once_are_all_served(before_httpbin):
    async with httpx.AsyncClient(base_url=f"{before_httpbin.url}/api", timeout=20) as client:
        found = await asyncio.gather(*(client.get(f"/anything/{number}") for number in range(20)))
    assert [answer.json()["url"].rpartition("/")[2] for answer in found] == [str(number) for number in range(20)]


async def _echo(connection: ServerConnection) -> None:
    await connection.send(connection.request.headers.get("Authorization", "none") if connection.request else "none")
    async for message in connection:
        await connection.send(message)


async def test_a_websocket_passes_messages_of_every_kind_and_size(outrider):
    async with serve(_echo, "127.0.0.1", 0, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]
        running = await outrider(facing(f"http://127.0.0.1:{port}"))
        async with connect(f"ws://127.0.0.1:{running.port}/chat?x=%2f", max_size=None) as client:
            assert await client.recv() == _BEARER
            for message in ("text", "ü€", b"bytes", b"", "a" * 200, b"b" * 70_000, b"c" * 3_000_000):
                await client.send(message)
                assert await client.recv() == message
            await (await client.ping())


async def test_a_websocket_that_either_side_closes_is_closed_for_both(outrider):
    ended = asyncio.Event()

    async def handler(connection: ServerConnection) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            if await connection.recv() == "close":
                await connection.close(4001, "as you wish")
        await connection.wait_closed()
        ended.set()

    async with serve(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        running = await outrider(facing(f"http://127.0.0.1:{port}"))
        async with connect(f"ws://127.0.0.1:{running.port}/") as client:
            await client.send("close")
            with pytest.raises(websockets.ConnectionClosed):
                await client.recv()
            assert (client.close_code, client.close_reason) == (4001, "as you wish")
        await asyncio.wait_for(ended.wait(), 5)
        ended.clear()
        async with connect(f"ws://127.0.0.1:{running.port}/"):
            pass
        await asyncio.wait_for(ended.wait(), 5)


async def test_a_websocket_whose_caller_vanishes_ends_upstream(outrider):
    ended = asyncio.Event()

    async def handler(connection: ServerConnection) -> None:
        await connection.wait_closed()
        ended.set()

    async with serve(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        running = await outrider(facing(f"http://127.0.0.1:{port}"))
        client = await connect(f"ws://127.0.0.1:{running.port}/")
        client.transport.abort()
        await asyncio.wait_for(ended.wait(), 5)


async def test_a_refused_upgrade_passes_as_the_answer_that_it_is(outrider):
    refusal = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno"
    async with RawUpstream(answers(refusal)) as upstream:
        running = await outrider(facing(upstream.url))
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with connect(f"ws://127.0.0.1:{running.port}/"):
                pass
        assert (refused.value.response.status_code, refused.value.response.body) == (403, b"no")


async def test_any_upgrade_becomes_a_tunnel_of_bytes(outrider):
    async def script(connection: Connection) -> None:
        head = await connection.head()
        assert head.get(b"upgrade") == b"odd/1"
        await connection.send(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: odd/1\r\n\r\nfirst")
        while True:
            await connection.send((await connection.more()).upper())

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            await caller.send(running.head(b"GET", b"/", b"Connection: Upgrade", b"Upgrade: odd/1"))
            answer = await caller.head()
            assert (answer.status, answer.get(b"upgrade")) == (101, b"odd/1")
            assert await caller.piece() == b"first"
            for message in (b"abc", b"\x00\r\n\r\nGET / HTTP/1.1\r\n\r\n", b"x" * 60_000):
                await caller.send(message)
                back = b""
                while len(back) < len(message):
                    back += await caller.piece()
                assert back == message.upper()
        await asyncio.wait_for(upstream.connections[0].ended.wait(), 5)
        assert upstream.heads[0].all(b"authorization") == [_BEARER.encode()]
