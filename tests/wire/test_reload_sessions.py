"""A reload and the sessions that rotate: none is lost, none is doubled, and nobody presents a token twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from proxy.config.load import load_file
from proxy.daemon import Daemon
from tests.auth.tools import write_secret
from tests.peers.running import Outrider, on_free_ports
from tests.peers.token_server import TokenServer


class Rotating(Outrider):
    """A daemon with one rotating session, whose file the test rewrites."""

    def __init__(self, daemon: Daemon, server: TokenServer, file: Path) -> None:
        super().__init__(daemon)
        self.server = server
        self.file = file

    async def now(self, profile: dict[str, Any], sections: dict[str, Any]) -> None:
        self.file.write_text(written(self.server, profile, sections))
        outcome = await self.daemon.reload()
        assert not outcome.problems, outcome


def written(server: TokenServer, profile: dict[str, Any], sections: dict[str, Any]) -> str:
    person = server.person({"file": "first"}, **profile)
    upstream = {"url": server.url, "auth": "p"}
    return on_free_ports({"auth": {"p": person}, "upstreams": {"api": upstream}, **sections})


@pytest.fixture
async def rotating(server: TokenServer, tmp_path: Path) -> AsyncIterator[Rotating]:
    write_secret(tmp_path / "first", server.begin_family())
    file = tmp_path / "outrider.yaml"
    file.write_text(written(server, {}, {}))
    load = lambda: load_file(file, {})  # noqa: E731
    daemon = Daemon(load(), {}, load)
    await daemon.start()
    running = Rotating(daemon, server, file)
    yield running
    await running.stop()


CHANGES = {
    "nothing of it": ({}, {"limits": {"in_flight": 77}}),
    "the profile": ({"timeout": "7s"}, {}),
    "what is asked for": ({"scope": "more"}, {}),
    "where it is kept": ({}, {"state": {"dir": "state"}}),
    "both": ({"scope": "more"}, {"state": {"dir": "state"}}),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_session_lives_on_whatever_a_reload_changes(
    rotating: Rotating, server: TokenServer, change: str
) -> None:
    await rotating.now(*CHANGES[change])
    for _ in range(3):
        server.expire_tokens()
        assert (await rotating.request()).status == 200
    assert (server.superseded, server.revoked) == ([], set())


@pytest.mark.parametrize("change", CHANGES)
async def test_a_reload_while_it_is_being_renewed_neither_loses_nor_doubles_it(
    rotating: Rotating, server: TokenServer, change: str
) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        server.before_commit = server.after_commit
        reached.set()
        await go_on.wait()

    server.before_commit = wait
    server.expire_tokens()
    asking = asyncio.create_task(rotating.request())
    await reached.wait()
    reloading = asyncio.create_task(rotating.now(*CHANGES[change]))
    await asyncio.sleep(0.2)
    go_on.set()
    assert (await asking).status == 200
    await reloading
    for _ in range(2):
        server.expire_tokens()
        assert (await rotating.request()).status == 200
    assert (server.superseded, server.revoked) == ([], set())
