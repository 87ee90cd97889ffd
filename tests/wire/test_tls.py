"""TLS toward the upstream: whom Outrider trusts, and what it shows of itself."""

import os
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import TOKEN, facing
from tests.peers.scripts import answers, answers_once


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> str:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return str(tmp_path / "ca.pem")


def _serving(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
    return context


def _config(upstream: RawUpstream, **tls: Any) -> dict[str, Any]:
    return facing(upstream.url, upstream={"tls": tls})


async def _refusal(outrider: Any, upstream: RawUpstream, config: dict[str, Any]) -> str:
    """What is said of a failed handshake; nothing of the request may have gone out."""
    running = await outrider(config)
    answer = await running.request()
    assert (answer.status, answer.code) == (502, "upstream_tls_failed"), answer
    assert not upstream.heads
    assert TOKEN.encode() not in answer.content + b"".join(bytes(one.arrived) for one in upstream.connections)
    return str(answer.problem()["detail"])


async def test_a_certificate_of_a_trusted_authority_is_accepted(outrider, authority, ca):
    async with RawUpstream(answers(), tls=_serving(authority)) as upstream:
        running = await outrider(_config(upstream, ca=ca))
        for _ in range(2):
            assert (await running.request()).content == b"ok"
        assert len(upstream.connections) == 1


async def test_without_the_authority_it_is_not(outrider, authority):
    async with RawUpstream(answers(), tls=_serving(authority)) as upstream:
        assert "certificate" in await _refusal(outrider, upstream, _config(upstream))


async def test_a_certificate_of_another_authority_is_not_accepted(outrider, ca):
    async with RawUpstream(answers(), tls=_serving(trustme.CA())) as upstream:
        assert "certificate" in await _refusal(outrider, upstream, _config(upstream, ca=ca))


async def test_a_certificate_of_another_name_is_not_accepted(outrider, authority, ca):
    async with RawUpstream(answers(), tls=_serving(authority, "other.example")) as upstream:
        assert "certificate" in await _refusal(outrider, upstream, _config(upstream, ca=ca))


async def test_another_name_is_asked_for_and_verified(outrider, authority, ca):
    asked: list[str | None] = []
    context = _serving(authority, "api.example")
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with RawUpstream(answers(), tls=context) as upstream:
        running = await outrider(_config(upstream, ca=ca, server_name="api.example"))
        assert (await running.request()).status == 200
        assert asked == ["api.example"]
        assert upstream.heads[0].get(b"host") == upstream.authority.encode()
    async with RawUpstream(answers(), tls=_serving(authority)) as upstream:
        await _refusal(outrider, upstream, _config(upstream, ca=ca, server_name="api.example"))


async def test_verification_may_be_turned_off(outrider):
    async with RawUpstream(answers(), tls=_serving(trustme.CA(), "other.example")) as upstream:
        running = await outrider(_config(upstream, verify=False))
        assert (await running.request()).status == 200


async def test_a_client_certificate_is_shown_where_one_is_wanted(outrider, authority, ca, tmp_path):
    context = _serving(authority)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    client = authority.issue_cert("client.example")
    client.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "client.pem"))
    shown: list[Any] = []

    async def script(connection: Connection) -> None:
        shown.append(connection.writer.get_extra_info("peercert"))
        await answers()(connection)

    async with RawUpstream(script, tls=context) as upstream:
        running = await outrider(_config(upstream, ca=ca, cert=str(tmp_path / "client.pem")))
        assert (await running.request()).status == 200
        assert ("DNS", "client.example") in shown[0]["subjectAltName"]


async def test_without_a_client_certificate_such_an_upstream_does_not_answer(outrider, authority, ca):
    context = _serving(authority)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    async with RawUpstream(answers(), tls=context) as upstream:
        running = await outrider(_config(upstream, ca=ca))
        # In TLS 1.3 the refusal comes after the handshake, so it may look like a connection that ended.
        assert (await running.request()).code in ("upstream_tls_failed", "upstream_disconnected")
        assert not upstream.heads


@pytest.mark.parametrize(("least", "spoken"), [("1.2", "TLSv1.2"), ("1.2", "TLSv1.3"), ("1.3", "TLSv1.3")])
async def test_a_version_that_is_new_enough_is_spoken(outrider, authority, ca, least, spoken):
    context = _serving(authority)
    version = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}[spoken]
    context.minimum_version = context.maximum_version = version
    found: list[str] = []

    async def script(connection: Connection) -> None:
        found.append(connection.writer.get_extra_info("ssl_object").version())
        await answers()(connection)

    async with RawUpstream(script, tls=context) as upstream:
        running = await outrider(_config(upstream, ca=ca, min_version=least))
        assert (await running.request()).status == 200
        assert found == [spoken]


async def test_a_version_that_is_too_old_is_not_spoken(outrider, authority, ca):
    context = _serving(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with RawUpstream(answers(), tls=context) as upstream:
        running = await outrider(_config(upstream, ca=ca, min_version="1.3"))
        # The upstream may say so, or only end the connection in the middle of the handshake.
        assert (await running.request()).code in ("upstream_tls_failed", "upstream_connect_failed")
        assert not upstream.heads


async def test_plain_text_where_tls_is_expected_fails_and_gets_no_credential(outrider):
    async def script(connection: Connection) -> None:
        await connection.more()
        await connection.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        await connection.gone()

    async with RawUpstream(script) as upstream:
        config = facing(upstream.url.replace("http:", "https:"), upstream={"tls": {"verify": False}})
        await _refusal(outrider, upstream, config)


async def test_tls_where_plain_text_is_expected_is_no_answer(outrider, authority):
    async with RawUpstream(answers(), tls=_serving(authority)) as upstream:
        running = await outrider(facing(upstream.url.replace("https:", "http:")))
        assert (await running.request()).code in ("upstream_disconnected", "upstream_protocol_error")


async def test_a_large_body_comes_through_whole_both_ways(outrider, authority, ca):
    data = bytes(range(256)) * 8000

    async def script(connection: Connection) -> None:
        content = (await connection.request()).content
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(content), content))
        await connection.gone()

    async with RawUpstream(script, tls=_serving(authority)) as upstream:
        running = await outrider(_config(upstream, ca=ca))
        assert (await running.request(b"POST", b"/", content=data)).content == data


async def test_a_tls_connection_that_ends_without_saying_so_is_a_cut_answer(outrider, authority, ca):
    """A length tells; content without one must not look whole when the end was not announced (RFC 9112 §9.8)."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\npart")
        connection.reset()

    async with RawUpstream(script, tls=_serving(authority)) as upstream:
        running = await outrider(_config(upstream, ca=ca))
        assert not (await running.request()).whole


async def _cut(connection: Connection) -> None:
    """Half of an unframed answer, then the end of the TCP connection without the end of TLS."""
    await connection.request()
    await connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 400)
    number = os.dup(connection.writer.get_extra_info("socket").fileno())
    with socket.socket(fileno=number) as beneath:
        beneath.shutdown(socket.SHUT_WR)


async def test_an_unframed_answer_that_ends_without_the_end_of_tls_is_cut(outrider, authority, ca):
    async with RawUpstream(_cut, tls=_serving(authority)) as upstream:
        running = await outrider(_config(upstream, ca=ca))
        answer = await running.request()
        assert not answer.whole or answer.status >= 500


async def test_an_unframed_answer_that_ends_properly_is_whole(outrider, authority, ca):
    unframed = answers_once(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 400)
    async with RawUpstream(unframed, tls=_serving(authority)) as upstream:
        running = await outrider(_config(upstream, ca=ca))
        answer = await running.request()
        assert (answer.content, answer.whole) == (b"a" * 400, True)
