import asyncio
import json
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

import proxy.daemon
import proxy.lifecycle.running
import proxy.pipeline
from proxy.config.load import load_text
from proxy.config.tls_model import Tls
from proxy.daemon import Daemon, StartFailed, forbid_core_dumps, loop_factory
from proxy.upstream.tls import tls_context

Up = Callable[..., Awaitable[Daemon]]
HEAD = "listen: 127.0.0.1:0\nadmin: {listen: '127.0.0.1:0'}\n"
UPSTREAM = "upstreams: {api: {url: http://127.0.0.1:1}}\n"


def daemon_of(text: str, **environ: str) -> Daemon:
    return Daemon(load_text(text, "test.yaml", environ), environ)


def with_token_file(path: Path) -> str:
    auth = f"auth: {{key: {{type: file, path: '{path}'}}}}\n"
    return f"{HEAD}{auth}upstreams: {{api: {{url: http://127.0.0.1:1, auth: key}}}}\n"


@pytest.fixture
async def up() -> AsyncIterator[Up]:
    """`await up(upstream_url, more_yaml)` starts a daemon on free ports; it is closed after the test."""
    daemons: list[Daemon] = []

    async def start(upstream: str = "http://127.0.0.1:1", more: str = "", **environ: str) -> Daemon:
        daemons.append(daemon_of(f"{HEAD}{more}upstreams: {{api: {{url: '{upstream}'}}}}\n", **environ))
        await daemons[-1].start()
        return daemons[-1]

    yield start
    for daemon in daemons:
        await daemon.close()


async def get(url: str, path: str, *fields: str) -> tuple[int, dict[str, str], bytes]:
    """A GET on a connection of its own: status, fields in lower case, content."""
    host = url.removeprefix("http://")
    name, _, port = host.rpartition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *fields, "", ""]
    writer.write("\r\n".join(lines).encode())
    async with asyncio.timeout(15):
        head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    first, *rest = head.decode().split("\r\n")
    return int(first.split()[1]), {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in rest)}, content


class SlowUpstream:
    """Answers each request once `release` is set."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.release = asyncio.Event()
        self.url = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked.set()
        await self.release.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        await writer.drain()
        writer.close()

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator["SlowUpstream"]:
        upstream = cls()
        server = await asyncio.start_server(upstream._serve, "127.0.0.1", 0)
        upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield upstream
        finally:
            upstream.release.set()
            server.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_started_daemon_tells_its_addresses_and_is_ready(up: Up) -> None:
    daemon = await up()
    (address,), (admin,) = daemon.addresses, daemon.admin_addresses
    assert address.startswith("http://127.0.0.1:")
    assert not address.endswith(":0")
    assert (await get(admin, "/readyz"))[::2] == (200, b"ready\n")


async def test_the_start_message_says_who_is_reached_where(up: Up, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "outrider")
    daemon = await up(more="auth: {key: {type: bearer, token: canary}}\n")
    (line,) = [r.getMessage() for r in caplog.records if r.__dict__.get("event") == "daemon.started"]
    assert line == (
        f"outrider {proxy.__version__} listening on {daemon.addresses[0]} → "
        f"api http://127.0.0.1:1 (auth: none), admin {daemon.admin_addresses[0]}"
    )


async def test_the_metrics_count_what_went_through(up: Up) -> None:
    async with SlowUpstream.running() as upstream:
        upstream.release.set()
        daemon = await up(upstream.url)
        assert (await get(daemon.addresses[0], "/x"))[0] == 200
        text = (await get(daemon.admin_addresses[0], "/metrics"))[2].decode()
    assert 'outrider_requests_total{code="200",method="GET",upstream="api"} 1.0' in text
    assert 'outrider_response_bytes_total{upstream="api"} 4.0' in text
    assert f'version="{proxy.__version__}"' in text


async def test_the_shown_configuration_holds_no_secret(up: Up) -> None:
    daemon = await up(more="auth: {key: {type: bearer, token: canary-1}}\n")
    _, _, content = await get(daemon.admin_addresses[0], "/api/config")
    assert json.loads(content)["auth"]["key"]["type"] == "bearer"
    assert b"canary-1" not in content


async def test_the_admin_token_guards_the_metrics_but_not_health() -> None:
    daemon = daemon_of(
        "listen: 127.0.0.1:0\nadmin: {listen: '127.0.0.1:0', token: {env: ADMIN}}\n" + UPSTREAM, ADMIN="s3cret"
    )
    await daemon.start()
    try:
        admin = daemon.admin_addresses[0]
        assert (await get(admin, "/readyz"))[0] == 200
        assert (await get(admin, "/metrics"))[0] == 401
        assert (await get(admin, "/metrics", "Authorization: Bearer s3cret"))[0] == 200
    finally:
        await daemon.close()


async def test_a_daemon_without_an_admin_listener_runs(up: Up) -> None:
    daemon = daemon_of("listen: 127.0.0.1:0\nadmin: {listen: 'off'}\n" + UPSTREAM)
    await daemon.start()
    assert (len(daemon.addresses), daemon.admin_addresses) == (1, [])
    await daemon.close()


async def test_a_missing_credential_keeps_it_running_but_not_ready(tmp_path: Path) -> None:
    daemon = daemon_of(with_token_file(tmp_path / "token"))
    await daemon.start()
    try:
        status, _, content = await get(daemon.admin_addresses[0], "/readyz")
        assert status == 503
        assert content.startswith(b"not ready: profile key: ")
        assert (await get(daemon.admin_addresses[0], "/startupz"))[0] == 200
    finally:
        await daemon.close()


async def test_it_becomes_ready_when_the_credential_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy.lifecycle.running, "_CREDENTIAL_RETRY", 0.05)
    token = tmp_path / "token"
    daemon = daemon_of(with_token_file(token))
    await daemon.start()
    try:
        token.touch(mode=0o600)
        token.write_text("late")
        async with asyncio.timeout(15):
            while (await get(daemon.admin_addresses[0], "/readyz"))[0] != 200:
                await asyncio.sleep(0.02)
    finally:
        await daemon.close()


async def test_a_taken_port_is_one_line_and_leaves_nothing_behind(up: Up) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        daemon = daemon_of(f"listen: 127.0.0.1:{port}\nadmin: {{listen: '127.0.0.1:0'}}\n" + UPSTREAM)
        with pytest.raises(StartFailed) as failed:
            await daemon.start()
    assert str(failed.value) == f"cannot listen on 127.0.0.1:{port}: address already in use"
    assert failed.value.exit_code == 1
    with pytest.raises(ConnectionRefusedError):
        await get(daemon.admin_addresses[0], "/livez")


async def test_an_address_that_does_not_resolve_is_one_line() -> None:
    access = "access: {allow_remote: true, callers: {a: {token: t}}}\n"
    text = f"listen: no-such-host.invalid:0\nadmin: {{listen: 'off'}}\n{access}"
    with pytest.raises(StartFailed, match=r"^cannot listen on no-such-host\.invalid:0: [a-z ]+"):
        await daemon_of(text + UPSTREAM).start()


async def test_a_broken_tls_file_is_a_wrong_configuration(tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(broken))
    text = f"{HEAD}upstreams: {{api: {{url: https://127.0.0.1:1, tls: {{ca: '{broken}'}}}}}}\n"
    daemon = daemon_of(text)
    broken.write_text("not PEM")
    with pytest.raises(StartFailed, match=r"^cannot use a TLS file") as failed:
        await daemon.start()
    assert failed.value.exit_code == 78
    assert "\n" not in str(failed.value)


async def test_the_python_parser_is_refused_unless_allowed(up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy.daemon, "has_compiled_parser", lambda: False)
    with pytest.raises(StartFailed, match="OUTRIDER_ALLOW_PYTHON_PARSER=1"):
        await up()
    await up(OUTRIDER_ALLOW_PYTHON_PARSER="1")


async def test_an_unverified_upstream_is_warned_about(up: Up, caplog: pytest.LogCaptureFixture) -> None:
    daemon = daemon_of(f"{HEAD}upstreams: {{odd: {{url: https://127.0.0.1:1, tls: {{verify: false}}}}}}\n")
    await daemon.start()
    await daemon.close()
    (line,) = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert "odd" in line.getMessage()
    assert "not verified" in line.getMessage()


async def test_draining_waits_for_what_is_in_flight(up: Up) -> None:
    async with SlowUpstream.running() as upstream:
        daemon = await up(upstream.url)
        request = asyncio.create_task(get(daemon.addresses[0], "/slow"))
        await upstream.asked.wait()
        draining = asyncio.create_task(daemon.drain(30))
        await asyncio.sleep(0)
        assert (await get(daemon.admin_addresses[0], "/readyz"))[::2] == (503, b"not ready: draining\n")
        with pytest.raises(ConnectionRefusedError):
            await get(daemon.addresses[0], "/new")
        assert not draining.done()
        upstream.release.set()
        assert await draining is True
        assert (await request)[::2] == (200, b"done")


async def test_draining_gives_up_at_its_limit(up: Up) -> None:
    async with SlowUpstream.running() as upstream:
        daemon = await up(upstream.url)
        request = asyncio.create_task(get(daemon.addresses[0], "/slow"))
        await upstream.asked.wait()
        assert await daemon.drain(0.05) is False
        request.cancel()


async def test_closing_twice_or_before_the_start_does_nothing(up: Up) -> None:
    daemon = await up()
    await daemon.close()
    await daemon.close()
    await daemon_of(HEAD + UPSTREAM).close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_exits_with_0(number: signal.Signals) -> None:
    daemon = daemon_of(HEAD + UPSTREAM)
    running = asyncio.create_task(daemon.run_until_signalled())
    await until(lambda: bool(daemon.addresses))
    os.kill(os.getpid(), number)
    async with asyncio.timeout(15):
        assert await running == 0


async def test_a_second_signal_ends_at_once_with_1() -> None:
    async with SlowUpstream.running() as upstream:
        daemon = daemon_of(f"{HEAD}upstreams: {{api: {{url: '{upstream.url}'}}}}\n")
        running = asyncio.create_task(daemon.run_until_signalled(60))
        await until(lambda: bool(daemon.addresses))
        request = asyncio.create_task(get(daemon.addresses[0], "/slow"))
        await upstream.asked.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: daemon._health.phase == "draining")
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(15):
            assert await running == 1
        request.cancel()


def test_core_dumps_are_forbidden() -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        forbid_core_dumps()
        import ctypes

        os.write(writer, b"%d" % ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    assert os.read(reader, 8) == b"0"
    os.close(reader)


def test_uvloop_is_used_where_it_is_installed() -> None:
    uvloop = pytest.importorskip("uvloop")
    assert loop_factory() is uvloop.new_event_loop


def test_asyncio_is_used_where_uvloop_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert loop_factory() is None


async def test_upstreams_with_the_same_options_of_tls_read_the_authorities_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[bool] = []

    def counted(tls: Tls, base: Path) -> ssl.SSLContext:
        made.append(tls.verify)
        return tls_context(tls, base)

    monkeypatch.setattr(proxy.pipeline, "tls_context", counted)
    plain = [f"  {name}: {{url: 'https://127.0.0.1:1', match: {{prefix: /{name}}}}}" for name in "abc"]
    other = "  d: {url: 'https://127.0.0.1:1', match: {prefix: /d}, tls: {verify: false}}"
    daemon = daemon_of("\n".join([f"{HEAD}upstreams:", *plain, other, ""]))
    try:
        await daemon.start()
    finally:
        await daemon.close()
    assert made == [True, False]
