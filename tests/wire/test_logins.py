"""What the command line does to sessions, in a daemon that runs meanwhile."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import yaml

from proxy.cli import main
from tests.peers.raw_upstream import Connection
from tests.peers.running import Outrider
from tests.peers.token_server import TokenServer, answer, facing

Start = Callable[..., Awaitable[Outrider]]


async def command(tmp_path: Path, config: dict[str, Any], *words: str) -> int:
    file = tmp_path / "cli.yaml"
    file.write_text(yaml.safe_dump(config))
    return await asyncio.to_thread(main, [*words, "-c", str(file)])


async def until_status(running: Outrider, status: int) -> float:
    """How many seconds it took."""
    began = time.monotonic()
    async with asyncio.timeout(10):
        while (await running.request()).status != status:
            await asyncio.sleep(0.02)
    return time.monotonic() - began


def scripted(content: dict[str, Any]) -> Callable[[Connection], Awaitable[None]]:
    async def send(connection: Connection) -> None:
        await connection.request()
        await connection.send(answer(200, content))

    return send


def device(server: TokenServer) -> dict[str, Any]:
    return server.profile(grant="device_code", device_authorization_url=server.token_url)


def agreed(server: TokenServer) -> None:
    """The next login goes through at once."""
    begun = {"device_code": "d", "user_code": "u", "verification_uri": "https://x.example/", "interval": 0.05}
    server.next.append(scripted(begun))
    server.next.append(scripted({"access_token": "t", "expires_in": 1000, "refresh_token": server.begin_family()}))


async def test_a_daemon_with_the_folder_takes_up_a_login_and_a_logout_within_a_second_or_so(
    outrider: Start, server: TokenServer, tmp_path: Path
) -> None:
    config = facing(server, device(server), state={"dir": str(tmp_path / "state")})
    running = await outrider(config)
    assert (await running.request()).status == 401
    agreed(server)
    assert await command(tmp_path, config, "login", "p", "--no-browser") == 0
    assert await until_status(running, 200) < 3
    assert await command(tmp_path, config, "logout", "p") == 0
    assert await until_status(running, 401) < 3
    assert b"session_expired" in (await running.request()).content
    agreed(server)
    assert await command(tmp_path, config, "login", "p", "--no-browser") == 0
    assert await until_status(running, 200) < 3
    assert server.superseded == []


async def test_a_daemon_without_a_folder_is_given_the_login_and_the_logout(
    outrider: Start, server: TokenServer, tmp_path: Path
) -> None:
    running = await outrider(facing(server, device(server)))
    config = facing(server, device(server), admin={"listen": f"127.0.0.1:{running.admin_port}"})
    agreed(server)
    assert await command(tmp_path, config, "login", "p", "--no-browser") == 0
    assert (await running.request()).status == 200
    assert await command(tmp_path, config, "token", "p") == 0
    assert await command(tmp_path, config, "logout", "p") == 0
    assert (await running.request()).status == 401
    assert await command(tmp_path, config, "token", "p") == 1


async def test_a_restart_does_not_bring_a_session_back_that_was_ended(
    outrider: Start, server: TokenServer, tmp_path: Path
) -> None:
    config = facing(server, server.person(server.begin_family()), state={"dir": str(tmp_path / "state")})
    running = await outrider(config)
    assert (await running.request()).status == 200
    assert await command(tmp_path, config, "logout", "p") == 0
    again = await outrider(config)
    assert (await again.request()).status == 401
    assert server.exchanges == 1
