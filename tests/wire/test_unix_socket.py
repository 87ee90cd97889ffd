"""Listening on a Unix socket: who may open it, by which names it is called, and what becomes of an old one."""

import asyncio
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from proxy.daemon import StartFailed
from tests.peers.caller import Answer, Caller, _Receiver
from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import Outrider, facing
from tests.peers.scripts import answers


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outrider.sock"


async def _connect(path: Path) -> Caller:
    return Caller(*await asyncio.get_running_loop().create_unix_connection(_Receiver, str(path)))


async def _ask(path: Path, host: bytes = b"localhost", *lines: bytes) -> Answer:
    async with await _connect(path) as caller:
        await caller.send(b"\r\n".join([b"GET /x HTTP/1.1", b"Host: " + host, *lines, b"", b""]))
        return await caller.answer()


def _config(upstream: RawUpstream, path: Path, **sections: Any) -> dict[str, Any]:
    # The tests find a daemon by its first address.
    return facing(upstream.url, listen=["127.0.0.1:0", f"unix:{path}"], **sections)


async def test_a_request_comes_through_with_the_credential(outrider, path):
    async with RawUpstream(answers()) as upstream:
        await outrider(_config(upstream, path))
        assert (await _ask(path)).content == b"ok"
        assert upstream.heads[0].get(b"authorization")
        assert upstream.heads[0].get(b"host") == upstream.authority.encode()


async def test_only_its_owner_may_open_the_socket_from_the_first_moment_on(outrider, path):
    async with RawUpstream(answers()) as upstream:
        before = os.umask(0)
        try:
            await outrider(_config(upstream, path))
        finally:
            assert os.umask(before) == 0
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_the_socket_goes_with_the_daemon(path):
    async with RawUpstream(answers()) as upstream:
        running = await Outrider.start(_config(upstream, path))
        await running.stop()
        assert not path.exists()


async def test_the_socket_of_a_daemon_that_was_killed_is_replaced(outrider, path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.is_socket()
    async with RawUpstream(answers()) as upstream:
        await outrider(_config(upstream, path))
        assert (await _ask(path)).status == 200
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_living_socket_is_reported_and_left_alone(outrider, path):
    async with RawUpstream(answers()) as upstream:
        await outrider(_config(upstream, path))
        with pytest.raises(StartFailed, match="in use"):
            await Outrider.start(_config(upstream, path))
        assert (await _ask(path)).status == 200


async def test_what_is_no_socket_is_reported_and_left_alone(path):
    path.write_text("precious")
    async with RawUpstream(answers()) as upstream:
        with pytest.raises(StartFailed, match="in use"):
            await Outrider.start(_config(upstream, path))
    assert path.read_text() == "precious"


@pytest.mark.parametrize("host", [b"localhost", b"LOCALHOST:80", b"127.0.0.1:1234", b"[::1]", b"box.example"])
async def test_our_own_names_are_served_whatever_the_port(outrider, path, host):
    async with RawUpstream(answers()) as upstream:
        await outrider(_config(upstream, path, access={"hosts": ["box.example"]}))
        assert (await _ask(path, host)).status == 200


@pytest.mark.parametrize("host", [b"evil.example", b"localhost.evil.example", b"10.0.0.1:80"])
async def test_a_foreign_name_is_refused(outrider, path, host):
    async with RawUpstream(answers()) as upstream:
        await outrider(_config(upstream, path))
        assert (await _ask(path, host)).code == "host_not_allowed"
        assert not upstream.connections


async def test_a_name_without_a_port_is_enough_here_alone(outrider, path):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(_config(upstream, path))
        async with await running.caller() as caller:
            await caller.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await caller.answer()).code == "host_not_allowed"


@pytest.mark.parametrize("line", [b"Origin: https://evil.example", b"Sec-Fetch-Site: cross-site"])
async def test_a_web_page_is_refused_here_too(outrider, path, line):
    async with RawUpstream(answers()) as upstream:
        await outrider(_config(upstream, path))
        assert (await _ask(path, b"localhost", line)).code == "origin_not_allowed"
        assert not upstream.connections


async def test_a_user_that_is_listed_is_served(outrider, path):
    async with RawUpstream(answers()) as upstream:
        await outrider(_config(upstream, path, access={"uids": [os.getuid() + 1, os.getuid()]}))
        assert (await _ask(path)).status == 200


@pytest.mark.parametrize("uids", [[], [os.getuid() + 1]])
async def test_any_other_user_is_refused_before_it_says_anything(outrider, path, uids):
    async with RawUpstream(answers()) as upstream:
        await outrider(_config(upstream, path, access={"uids": uids}))
        async with await _connect(path) as caller:
            answer = await caller.answer()
            assert (answer.status, answer.code) == (401, "caller_not_allowed")
            assert await caller.closed()
        assert not upstream.connections


async def test_the_list_of_users_does_not_concern_tcp(outrider, path):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(_config(upstream, path, access={"uids": []}))
        assert (await running.request()).status == 200


async def test_a_redirect_leads_back_to_the_name_by_which_it_was_called(outrider, path):
    moved = b"HTTP/1.1 302 Found\r\nlocation: /y\r\ncontent-length: 0\r\n\r\n"
    async with RawUpstream(answers(moved)) as upstream:
        config = facing(upstream.url, listen=["127.0.0.1:0", f"unix:{path}"], upstream={"match": {"prefix": "/x"}})
        await outrider(config)
        assert (await _ask(path)).get(b"location") == b"/x/y"


async def test_the_admin_plane_may_listen_on_a_socket_of_its_own(outrider, path):
    async with RawUpstream(answers()) as upstream:
        await outrider(facing(upstream.url, admin={"listen": ["127.0.0.1:0", f"unix:{path}"]}))
        async with await _connect(path) as caller:
            await caller.send(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await caller.answer()).status == 200
        assert not upstream.connections
