"""What the dialer relies on of aiohttp's connector, and what it makes of its errors."""

import asyncio
import ssl
from collections.abc import Iterator

import aiohttp
import pytest
import trustme

from proxy.clock import NEVER, CoarseTimer
from proxy.errors import UpstreamConnectFailed, UpstreamDnsFailed, UpstreamTlsFailed
from proxy.upstream.connection import Limits, UpstreamConnection
from proxy.upstream.dial import Dialer
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.scripts import answers, never_answers
from tests.upstream.tools import GET, exchange

_LIMITS = Limits(1.0, 5.0, 5.0)


class Dialing:
    """A dialer with its own timer, closed with the test."""

    def __init__(self, url: str, context: ssl.SSLContext | None = None, server_name: str | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.timer = CoarseTimer(loop, 60.0)
        self.dialer = Dialer(url, context, server_name, self.timer, loop)

    async def __aenter__(self) -> Dialer:
        return self.dialer

    async def __aexit__(self, *_: object) -> None:
        await self.dialer.close()
        self.timer.close()


@pytest.fixture(scope="module")
def authority() -> Iterator[trustme.CA]:
    return trustme.CA()


def _server(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def _client(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_the_connector_makes_its_protocols_with_the_factory_that_is_replaced() -> None:
    connector = aiohttp.TCPConnector()
    try:
        assert isinstance(connector._factory(), aiohttp.client_proto.ResponseHandler)
    finally:
        await connector.close()


async def test_a_connection_is_our_protocol_with_the_connectors_handle() -> None:
    async with RawUpstream(answers()) as upstream, Dialing(upstream.url) as dialer:
        connection = await dialer.dial(5)
        assert type(connection) is UpstreamConnection
        assert isinstance(connection.owner, aiohttp.connector.Connection)
        assert connection.owner.protocol is connection
        assert connection.is_connected()
        assert connection.is_quiet()
        response = await connection.ask(GET, exchange(), _LIMITS)
        assert response.content.take() == b"ok"
        connection.abort()


async def test_nothing_is_sent_before_it_is_asked_for() -> None:
    async with RawUpstream(never_answers()) as upstream, Dialing(upstream.url) as dialer:
        connection = await dialer.dial(5)
        await asyncio.sleep(0.02)
        assert [bytes(accepted.arrived) for accepted in upstream.connections] in ([], [b""])
        connection.abort()


async def test_every_dial_opens_a_connection_of_its_own() -> None:
    async with RawUpstream(answers()) as upstream, Dialing(upstream.url) as dialer:
        connections = await asyncio.gather(*(dialer.dial(5) for _ in range(120)))
        assert len(set(connections)) == 120
        for connection in connections:
            connection.abort()


@pytest.mark.parametrize("limit", [NEVER, 3600.0, 5.5])
async def test_a_limit_may_be_long_or_none(limit: float) -> None:
    async with RawUpstream(answers()) as upstream, Dialing(upstream.url) as dialer:
        (await dialer.dial(limit)).abort()


async def test_an_ended_connection_is_forgotten_and_not_handed_out_again() -> None:
    async with RawUpstream(answers()) as upstream, Dialing(upstream.url) as dialer:
        first = await dialer.dial(5)
        first.abort()
        dialer.forget(first)
        dialer.forget(first)
        assert first.owner is None
        second = await dialer.dial(5)
        assert second is not first
        assert second.is_quiet()
        second.abort()


async def test_a_forgotten_connection_is_closed_even_when_it_was_fine() -> None:
    async with RawUpstream(answers()) as upstream, Dialing(upstream.url) as dialer:
        connection = await dialer.dial(5)
        await (await connection.ask(GET, exchange(), _LIMITS)).content.read()
        dialer.forget(connection)
        await asyncio.wait_for(upstream.connections[0].ended.wait(), 5)
        assert not connection.is_connected()


async def test_closing_ends_the_connections_that_are_open() -> None:
    async with RawUpstream(answers()) as upstream:
        dialing = Dialing(upstream.url)
        connection = await dialing.dialer.dial(5)
        await dialing.__aexit__()
        async with asyncio.timeout(5):
            while connection.is_connected():
                await asyncio.sleep(0.005)


async def test_a_name_that_does_not_resolve() -> None:
    async with Dialing("http://no-such-name.invalid") as dialer:
        with pytest.raises(UpstreamDnsFailed):
            await dialer.dial(10)


async def test_a_refused_connection() -> None:
    async with RawUpstream(answers()) as upstream:
        pass
    async with Dialing(upstream.url) as dialer:
        with pytest.raises(UpstreamConnectFailed) as failed:
            await dialer.dial(5)
        assert "connection refused" in failed.value.detail
        assert str(upstream.port) not in failed.value.detail


async def test_a_handshake_that_does_not_end_in_time() -> None:
    async with RawUpstream(never_answers()) as upstream:
        url = upstream.url.replace("http:", "https:")
        async with Dialing(url, ssl.create_default_context()) as dialer:
            with pytest.raises(UpstreamConnectFailed) as failed:
                await dialer.dial(0.05)
        assert "0.05 s" in failed.value.detail


async def test_a_trusted_certificate_of_the_right_name(authority: trustme.CA) -> None:
    server = _server(authority, "127.0.0.1")
    async with RawUpstream(answers(), tls=server) as upstream, Dialing(upstream.url, _client(authority)) as dialer:
        connection = await dialer.dial(5)
        assert (await connection.ask(GET, exchange(), _LIMITS)).status == 200
        connection.abort()


async def test_another_name_may_be_asked_for_and_verified(authority: trustme.CA) -> None:
    server = _server(authority, "api.example")
    async with RawUpstream(answers(), tls=server) as upstream:
        async with Dialing(upstream.url, _client(authority), "api.example") as dialer:
            (await dialer.dial(5)).abort()
        async with Dialing(upstream.url, _client(authority), "other.example") as dialer:
            with pytest.raises(UpstreamTlsFailed):
                await dialer.dial(5)


async def test_a_certificate_that_nobody_vouches_for(authority: trustme.CA) -> None:
    server = _server(trustme.CA(), "127.0.0.1")
    async with RawUpstream(answers(), tls=server) as upstream, Dialing(upstream.url, _client(authority)) as dialer:
        with pytest.raises(UpstreamTlsFailed) as failed:
            await dialer.dial(5)
        assert "certificate was not accepted" in failed.value.detail


async def test_plain_text_where_tls_is_expected(authority: trustme.CA) -> None:
    async def script(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with RawUpstream(script) as upstream:
        url = upstream.url.replace("http:", "https:")
        async with Dialing(url, _client(authority)) as dialer:
            with pytest.raises(UpstreamTlsFailed):
                await dialer.dial(5)


async def test_a_dial_that_is_cancelled_leaves_no_connection() -> None:
    async with RawUpstream(never_answers()) as upstream:
        url = upstream.url.replace("http:", "https:")
        async with Dialing(url, ssl.create_default_context()) as dialer:
            dialing = asyncio.ensure_future(dialer.dial(5))
            async with asyncio.timeout(5):
                while not upstream.connections:
                    await asyncio.sleep(0.005)
            dialing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dialing
            await asyncio.wait_for(upstream.connections[0].ended.wait(), 5)
