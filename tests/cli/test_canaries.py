"""No secret is in what the commands print. `token --reveal` alone prints one, because that is what it is asked for."""

import asyncio
import contextlib
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from proxy.cli import main
from proxy.cli.admin_token import TOKEN_VARIABLE
from proxy.stages.transport import Transport
from tests.auth.sealers import OTHER_KEY
from tests.peers.leaky_peers import BAD
from tests.peers.leaky_world import INTERCEPTORS, LeakyWorld, leaky_world
from tests.peers.running import Outrider

ONE = "GET", "http://localhost/bearer/x?a=b"


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LeakyWorld]:
    (tmp_path / "leaking.py").write_text(INTERCEPTORS)
    (tmp_path / "world").mkdir()
    async with leaky_world(tmp_path / "world") as running:
        monkeypatch.setenv("CANARY_ENV", running.secret("environment"))
        # The interceptors' module puts a defect there.
        monkeypatch.setattr(Transport, "send", Transport.send)
        yield running


@pytest.fixture
def config(world: LeakyWorld) -> dict[str, Any]:
    return world.config("http://127.0.0.1:9") | {"listen": "127.0.0.1:0"}


def only(config: dict[str, Any], *profiles: str) -> dict[str, Any]:
    auth, upstreams = config["auth"], config["upstreams"]
    kept = {name: entry for name, entry in upstreams.items() if entry["auth"] in profiles}
    return config | {"auth": {name: auth[name] for name in profiles}, "upstreams": kept}


class Terminal:
    """What a command writes, of which the one at `world` is asked."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.file = folder / "outrider.yaml"
        self.text = io.StringIO()
        self.write(config)

    def write(self, config: dict[str, Any], *profiles: str) -> None:
        """With these profiles alone, since it takes a while to read all of them again and again."""
        self.file.write_text(yaml.safe_dump(only(config, *profiles) if profiles else config, allow_unicode=True))

    async def run(self, command: str, *words: str) -> int:
        where = [] if command == "schema" else ["-c", str(self.file)]
        with contextlib.redirect_stdout(self.text), contextlib.redirect_stderr(self.text):
            return await asyncio.to_thread(main, [command, *words, *where])


@pytest.fixture
def terminal(tmp_path: Path, config: dict[str, Any]) -> Terminal:
    return Terminal(tmp_path, config)


async def test_a_check_and_the_schema_show_none(world: LeakyWorld, terminal: Terminal) -> None:
    assert await terminal.run("check") == 0
    assert await terminal.run("check", "--explain", *ONE) == 1, "a caller's token is wanted"
    assert await terminal.run("schema") == 0
    assert world.canaries.found(terminal.text.getvalue()) == []


async def test_a_check_that_asks_every_server_shows_none(world: LeakyWorld, terminal: Terminal) -> None:
    assert await terminal.run("check", "--online") == 1
    said = terminal.text.getvalue()
    assert all(f"github_{kind}" in said for kind in BAD)
    assert world.canaries.found(said) == []


async def test_the_state_of_sessions_is_told_without_them(
    world: LeakyWorld, terminal: Terminal, config: dict[str, Any]
) -> None:
    profiles = ("machine", "person", "renewed", "token_refuses", "dpop", "dpop_lies", "google_fails", "github_wrong")
    for profile in profiles:
        terminal.write(config, profile)
        await terminal.run("token", profile)
    assert terminal.text.getvalue().count("state:") == len(profiles)
    assert world.canaries.found(terminal.text.getvalue()) == []


async def test_a_token_is_printed_where_it_is_asked_for_and_nothing_else(
    world: LeakyWorld, terminal: Terminal, config: dict[str, Any]
) -> None:
    terminal.write(config, "machine")
    assert await terminal.run("token", "machine", "--reveal") == 0
    names = {name.partition(" (")[0] for name in world.canaries.found(terminal.text.getvalue())}
    assert names == {"access token of machine"}


async def test_a_login_and_a_logout_by_device_show_none(
    world: LeakyWorld, terminal: Terminal, config: dict[str, Any]
) -> None:
    terminal.write(config, "device", "device_refused")
    assert await terminal.run("login", "device", "--no-browser") == 0
    assert await terminal.run("login", "device_refused", "--no-browser") == 1
    await terminal.run("logout", "device")
    assert "ABCD-EFGH" in terminal.text.getvalue()
    assert world.canaries.found(terminal.text.getvalue()) == []


@pytest.mark.parametrize("kind", BAD)
async def test_a_device_endpoint_that_repeats_what_it_was_sent_is_not_quoted(
    world: LeakyWorld, terminal: Terminal, config: dict[str, Any], kind: str
) -> None:
    config["auth"]["device"]["device_authorization_url"] = f"{world.peers.bad_desk()}/{kind}?k={world.plain('query')}"
    terminal.write(config, "device")
    assert await terminal.run("login", "device", "--no-browser") == 1
    assert "no session for device" in terminal.text.getvalue()
    assert world.canaries.found(terminal.text.getvalue()) == []


@pytest.mark.parametrize("kind", ["", *BAD])
async def test_a_login_by_browser_shows_its_address_and_no_other_secret(
    world: LeakyWorld, terminal: Terminal, config: dict[str, Any], kind: str
) -> None:
    if kind:
        config["auth"]["browser"]["token_url"] = f"{world.peers.bad_desk()}/{kind}"
    terminal.write(config, "browser")
    logging_in = asyncio.create_task(terminal.run("login", "browser", "--no-browser", "--timeout", "20s"))
    async with asyncio.timeout(20):
        while not (found := re.search(r"redirect_uri=(\S+?)&state=([\w-]+)", terminal.text.getvalue())):
            await asyncio.sleep(0.02)
    host, port = unquote(found[1]).removeprefix("http://").removesuffix("/callback").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    code = world.plain("code of a browser")
    writer.write(f"GET /callback?code={code}&state={found[2]} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    page = await reader.read()
    writer.close()
    assert await logging_in == (1 if kind else 0)
    names = {name.partition(" (")[0] for name in world.canaries.found(terminal.text.getvalue().encode() + page)}
    # The person is to open this address.
    assert names == {"parameter of a browser"}


async def test_the_commands_that_ask_a_daemon_show_none(
    world: LeakyWorld, terminal: Terminal, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    config = only(config, "bearer", "machine", "token_refuses", "dpop_lies", "google_fails", "login", "exec_fails")
    admin = {**config["admin"], "listen": "127.0.0.1:0"}
    del config["tracing"]
    running = await Outrider.start(yaml.safe_dump(config | {"admin": admin}))
    try:
        url = "--url", running.admin_url
        named = b"Outrider-Token: " + config["access"]["callers"]["app"]["token"].encode()
        await asyncio.gather(*(running.request(b"GET", f"/{name}/200".encode(), named) for name in config["auth"]))
        for command in ("status", "healthcheck", "reload"):
            await terminal.run(command, *url)
        await terminal.run("wait", "--timeout", "100ms", *url)
        monkeypatch.setenv(TOKEN_VARIABLE, world.plain("wrong admin token"))
        await terminal.run("status", *url)
        monkeypatch.setenv(TOKEN_VARIABLE, config["admin"]["token"])
        assert await terminal.run("status", "--json", *url) == 0
    finally:
        await running.stop()
    assert await terminal.run("status", *url) == 1
    assert "token_refuses" in terminal.text.getvalue()
    assert world.canaries.found(terminal.text.getvalue()) == []


async def test_a_state_folder_of_another_key_is_refused_without_either(
    world: LeakyWorld, terminal: Terminal, config: dict[str, Any]
) -> None:
    terminal.write(config, "device")
    assert await terminal.run("login", "device", "--no-browser") == 0
    config["state"]["key"] = world.canaries.add("another state key", OTHER_KEY)
    terminal.write(config, "device")
    assert await terminal.run("token", "device") == 1
    assert world.canaries.found(terminal.text.getvalue()) == []
