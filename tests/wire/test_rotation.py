"""Rotation that is killed, raced and broken: a refresh token that was used up is never presented again."""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import pytest

from proxy.auth.record import fingerprint
from tests.peers.token_server import CLIENT, TokenServer

Scale = Callable[[int, int], int]


async def rotator(server: TokenServer, folder: Path, first: Path, *more: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "tests.peers.rotator", server.token_url, str(folder), str(first), *more]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


def write_first(path: Path, token: str) -> None:
    path.touch(mode=0o600)
    path.write_text(token)


def answer_is_missing(kept: Path, token: str) -> bool:
    """Whether the session that grew from `token` was killed within an exchange."""
    record = json.loads(kept.read_text()) if kept.exists() else {}
    return record.get("seed") == fingerprint("refresh_token", CLIENT, token) and record["pending"] is not None


class Nursery:
    """Processes that renew one session, one after the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._in, self._out = process, process.stdin, process.stdout

    @classmethod
    @asynccontextmanager
    async def running(cls, *words: str) -> AsyncIterator[Self]:
        command = [sys.executable, "-m", "tests.peers.rotator", "nursery", *words]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        nursery = cls(process)
        try:
            assert await nursery._line() == "ready"
            yield nursery
        finally:
            nursery._in.close()
            await process.wait()

    async def kill_one(self, at: Awaitable[None]) -> list[str]:
        """What it said before it was killed, `at` that moment after its start."""
        self._in.write(b"\n")
        child = int(await self._line())
        await at
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        return await self._last_words()

    async def let_one(self) -> list[str]:
        """What it says when it renews once."""
        self._in.write(b"1\n")
        await self._line()
        return await self._last_words()

    async def _last_words(self) -> list[str]:
        said: list[str] = []
        while (line := await self._line()) != "dead":
            said.append(line)
        return said

    async def _line(self) -> str:
        return (await asyncio.wait_for(self._out.readline(), 30)).decode().strip()


@pytest.mark.timeout(3600)
async def test_a_process_that_is_killed_at_any_instant_never_leads_to_a_second_use(
    server: TokenServer, tmp_path: Path, scale: Scale
) -> None:
    chance = random.Random(7)

    async def a_while() -> None:
        await asyncio.sleep(chance.uniform(0, 0.004))

    async def an_instant() -> None:
        """By the clock, or around an exchange, so that a slow machine has enough of both."""
        if chance.random() < 0.5:
            await asyncio.sleep(chance.uniform(0, 0.08))
            return
        some = len(server.asked) + chance.randint(1, 2)
        async with asyncio.timeout(30):
            while len(server.asked) < some:
                await asyncio.sleep(0.001)
        await asyncio.sleep(chance.uniform(0, 0.01))

    server.before_commit = server.after_commit = a_while
    folder, first = tmp_path / "state", tmp_path / "first"
    write_first(first, server.begin_family())
    lost, survived = 0, 0
    rounds = scale(200, 3000)
    async with Nursery.running(server.token_url, str(folder), str(first)) as nursery:
        for _ in range(rounds):
            said = await nursery.kill_one(an_instant())
            if not answer_is_missing(folder / "p.json", first.read_text()):
                assert said == [], "the session was given up although every answer had been kept"
                survived += 1
                continue
            lost += 1
            # Whoever comes now must see that an answer may be missing, and say so without presenting the token.
            before = len(server.asked)
            assert (await nursery.let_one(), len(server.asked)) == (["expired"], before)
            # A new login.
            write_first(first, server.begin_family())
    assert server.superseded == []
    assert server.revoked == set()
    assert lost + survived == rounds
    assert lost
    assert survived
    assert server.exchanges > rounds // 3


async def test_processes_with_one_folder_take_turns_and_nobody_uses_a_token_twice(
    server: TokenServer, tmp_path: Path, scale: Scale
) -> None:
    first, count = tmp_path / "first", scale(40, 500)
    write_first(first, server.begin_family())
    processes = [await rotator(server, tmp_path / "state", first, str(count)) for _ in range(3)]
    answered = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [output for output, _ in answered] == [b"", b"", b""]
    assert (server.superseded, server.revoked) == ([], set())
    # A process that finds the token of another one takes that, so there are fewer exchanges than asked for.
    assert count < server.exchanges <= 3 * (count + 1)
