import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from proxy.clock import CoarseTimer
from proxy.config.tls_model import Tls
from proxy.errors import (
    OutriderError,
    UpstreamConnectFailed,
    UpstreamProtocolError,
    UpstreamTimeout,
    UpstreamTlsFailed,
)
from proxy.message.call import Call
from proxy.upstream.fetch import CAP, Fetcher
from tests.peers import scripts
from tests.peers.raw_upstream import Connection, RawUpstream


@pytest.fixture
async def fetch() -> AsyncIterator[Fetcher]:
    loop = asyncio.get_running_loop()
    timer = CoarseTimer(loop, 0.02)
    fetcher = Fetcher(timer, loop)
    yield fetcher
    await fetcher.close()
    timer.close()


def call(url: str, timeout: float = 5.0) -> Call:
    return Call("POST", url, [("X-One", "1")], b"a=b", timeout)


async def test_of_many_calls_at_once_each_has_a_connection_to_itself_and_an_answer(fetch: Fetcher) -> None:
    # It keeps its connections, whatever it is told.
    async with RawUpstream(scripts.answers()) as upstream:
        replies = await asyncio.gather(*(fetch(call(upstream.url)) for _ in range(100)))
        assert {reply.status for reply in replies} == {200}
        assert len(upstream.connections) == 100


async def test_a_call_is_sent_whole_and_its_answer_read_whole(fetch: Fetcher) -> None:
    raw = b"HTTP/1.1 418 Teapot\r\nX-Two: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with RawUpstream(scripts.answers_once(raw)) as upstream:
        reply = await fetch(call(f"{upstream.url}/token?t=1"))
    (request,) = upstream.requests
    assert (reply.status, reply.get(b"x-two"), reply.content) == (418, b"2", b"abcde")
    assert (request.head.method, request.head.target, request.content) == (b"POST", b"/token?t=1", b"a=b")
    assert request.head.get(b"host") == upstream.authority.encode()
    assert request.head.get(b"x-one") == b"1"


async def test_each_call_has_a_connection_to_itself(fetch: Fetcher) -> None:
    async with RawUpstream(scripts.answers()) as upstream:
        for _ in range(6):
            await fetch(call(upstream.url))
    assert len(upstream.connections) == 6


async def test_ready_is_awaited_when_connected_and_before_a_byte_is_sent(fetch: Fetcher) -> None:
    async with RawUpstream(scripts.answers()) as upstream:

        async def ready() -> None:
            async with asyncio.timeout(5):
                while not upstream.connections:
                    await asyncio.sleep(0.001)
            await asyncio.sleep(0.02)
            assert not upstream.connections[0].arrived

        assert (await fetch(call(upstream.url), ready)).status == 200


async def test_what_ready_raises_ends_the_call_with_nothing_sent(fetch: Fetcher) -> None:
    async def ready() -> None:
        raise LookupError

    async with RawUpstream(scripts.answers()) as upstream:
        with pytest.raises(LookupError):
            await fetch(call(upstream.url), ready)
        await asyncio.wait_for(upstream.connections[0].ended.wait(), 5)
    assert not upstream.connections[0].arrived


async def test_ready_is_not_asked_where_nobody_listens(fetch: Fetcher) -> None:
    async def ready() -> None:
        raise AssertionError("it was not reached")

    async with RawUpstream(scripts.answers()) as upstream:
        url = upstream.url
    with pytest.raises(UpstreamConnectFailed) as caught:
        await fetch(call(url), ready)
    assert not caught.value.processed


async def test_a_failure_after_sending_says_that_it_may_have_been_acted_on(fetch: Fetcher) -> None:
    async with RawUpstream(scripts.resets_unanswered()) as upstream:
        with pytest.raises(OutriderError) as caught:
            await fetch(call(upstream.url))
    assert caught.value.processed


async def test_an_endless_answer_is_refused_at_the_cap(fetch: Fetcher) -> None:
    async def pours(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await connection.send(b"x" * 65536)

    async with RawUpstream(pours) as upstream:
        with pytest.raises(UpstreamProtocolError, match=str(CAP)):
            await fetch(call(upstream.url))


@pytest.mark.parametrize("script", [scripts.never_answers(), scripts.trickles(scripts.OK, pause=0.05)])
async def test_the_limit_holds_all_of_a_call(fetch: Fetcher, script: scripts.Script) -> None:
    async with RawUpstream(script) as upstream:
        with pytest.raises(UpstreamTimeout) as caught:
            await fetch(call(upstream.url, 0.2))
        await asyncio.wait_for(upstream.connections[0].ended.wait(), 5)
    assert caught.value.processed


async def test_a_call_that_is_given_up_leaves_no_connection_behind(fetch: Fetcher) -> None:
    async with RawUpstream(scripts.never_answers()) as upstream:
        for _ in range(6):
            asking = asyncio.create_task(fetch(call(upstream.url)))
            async with asyncio.timeout(5):
                while not (upstream.connections and upstream.connections[-1].requests) or asking.done():
                    await asyncio.sleep(0.001)
            asking.cancel()
            await asyncio.wait((asking,))
            await asyncio.wait_for(upstream.connections[-1].ended.wait(), 5)
            upstream.connections.clear()


async def test_an_answer_and_a_call_print_nothing() -> None:
    assert "a=b" not in repr(call("http://127.0.0.1/"))


async def test_one_with_options_of_tls_of_its_own_leaves_the_other_as_it_was(fetch: Fetcher, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    own = fetch.over(Tls(ca="ca.pem"), tmp_path)
    async with RawUpstream(scripts.answers(), tls=context) as upstream:
        assert (await own(call(upstream.url))).status == 200
        with pytest.raises(UpstreamTlsFailed):
            await fetch(call(upstream.url))


async def test_a_file_of_tls_that_is_not_there_shows_at_once(fetch: Fetcher, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        fetch.over(Tls(ca="nowhere.pem"), tmp_path)
