"""No secret gets out, of whatever kind and in whatever form, by anything that Outrider says of itself.

Secrets of every kind go every way that there is: successes, each error, defects of interceptors and of Outrider's own,
the log at each of its levels and in both of its forms, the admin plane, metrics, traces, hooks, the state folder. The
command line has a file of its own.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.observe.tally import COUNTED_ERRORS
from tests.peers.admin import Admin
from tests.peers.caller import Caller
from tests.peers.leak_sweep import Caught, Sweep
from tests.peers.leaky_world import INTERCEPTORS, LeakyWorld, leaky_world
from tests.peers.otlp_collector import OtlpCollector

LEVELS = ("debug", "info", "warning", "error")
"""From the most that is written to the least."""
SAID = LEVELS[1:]
"""What events have: none is for `debug` alone."""


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LeakyWorld]:
    folder = tmp_path / "world"
    folder.mkdir()
    async with leaky_world(folder) as running:
        monkeypatch.setenv("CANARY_ENV", running.secret("environment"))
        yield running


@pytest.mark.timeout(240)
async def test_no_secret_is_in_anything_that_is_said_at_any_level(world: LeakyWorld, outrider_process: Any) -> None:
    caught = Caught()
    with OtlpCollector() as collector:
        config = world.config(collector.url)
        running = await outrider_process(config, files={"leaking.py": INTERCEPTORS})
        sweep = Sweep(running, world, config, caught)
        spans: dict[str, tuple[float, float]] = {}
        async with followed_events(sweep.admin) as events:
            for level in LEVELS:
                assert (await sweep.admin.post("/api/log-level", {"level": level})).status == 200
                began = time.time()
                await sweep.round()
                spans[level] = began, time.time()
            await in_text(sweep)
            await wrong_reload(sweep)
            collector.status = 400
            assert (await sweep.ask(b"GET", b"/once/200")).status == 200
        caught.add("events", bytes(events))
        assert await running.stop() == 0
        caught.add("traces", collector.raw)
    log = (running.file.parent / "stderr").read_bytes()
    caught.add("log", log)
    caught.add("state folder", world.kept())
    caught.said |= world.told_hooks()
    assert caught.leaks(world) == {}
    assert set(COUNTED_ERRORS) - caught.codes == set()
    assert [where for where, text in caught.said.items() if not text.strip()] == []
    # What would have been said was said, and masked; each level left out what is below it.
    assert all(kind in log for kind in (b"ValueError", b"RuntimeError", b"OSError: [5] Input/output error"))
    assert b"[redacted]" in log
    assert b"the collector at" in log
    assert written_at(log, spans) == {level: SAID[max(0, LEVELS.index(level) - 1) :] for level in LEVELS}


def written_at(log: bytes, spans: dict[str, tuple[float, float]]) -> dict[str, Sequence[str]]:
    """Which severities there are among the lines of each span of time, in the order of `LEVELS`."""
    found: dict[str, set[str]] = {level: set() for level in spans}
    for line in log.splitlines():
        if not line.startswith(b"{"):
            # Of the time after those, as text.
            continue
        document = json.loads(line)
        moment = datetime.fromisoformat(document["timestamp"]).timestamp()
        for level, (began, ended) in spans.items():
            # What is written has whole milliseconds.
            if began < moment < ended - 0.001:
                found[level].add(document["severity_text"].lower())
    return {level: tuple(name for name in LEVELS if name in names) for level, names in found.items()}


async def in_text(sweep: Sweep) -> None:
    """The same for people, at the most that is written."""
    config = sweep.config | {"log": {**sweep.config["log"], "format": "text"}}
    await reload(sweep, config)
    assert (await sweep.admin.post("/api/log-level", {"level": "debug"})).status == 200
    await sweep.round()


async def wrong_reload(sweep: Sweep) -> None:
    """A file that cannot be put in force: its reasons are told in the answer, the log, the events and the state."""
    secret = sweep.world.secret
    config = sweep.config
    wrong = {"type": "bearer", "token": [secret("token of a wrong file")]}
    await reload(sweep, config | {"auth": config["auth"] | {"bearer": wrong}}, 409)
    sweep.caught.add("state after a wrong file", (await sweep.admin.ask(b"GET", "/api/state")).content)


async def reload(sweep: Sweep, config: dict[str, Any], status: int = 200) -> None:
    file = sweep.running.file
    # The listeners are those of the file that is in force.
    now = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(config | {"listen": now["listen"], "admin": now["admin"]}))
    answer = sweep.caught.answer("admin's answers", await sweep.admin.post("/api/reload"))
    sweep.caught.add("answers to reloads", answer.content)
    assert answer.status == status, answer


@contextlib.asynccontextmanager
async def followed_events(admin: Admin) -> AsyncIterator[bytearray]:
    """Every byte of the event stream."""
    said = bytearray()

    async def read(caller: Caller) -> None:
        while piece := await caller.piece(timeout=60):
            said.extend(piece)

    async with await Caller.connect(admin.port) as caller:
        await caller.send(admin._head(b"GET", "/api/events"))
        reading = asyncio.create_task(read(caller))
        try:
            yield said
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
