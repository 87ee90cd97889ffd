"""`outrider status` beside a daemon that runs."""

import asyncio
import contextlib
import io
import json
import os
import pty
import re
import signal
from typing import Any

import pytest
from rich.console import Console

from proxy.cli.status_rates import Rates
from proxy.cli.status_view import draw, gone
from tests.cli.running import command, environment
from tests.cli.running import outrider as run_outrider
from tests.peers.admin import Admin
from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import TOKEN, facing
from tests.peers.scripts import answers, never_answers

NAMED = b"Outrider-Request-Id: mine"


async def status(*words: str, **variables: str) -> Any:
    return await asyncio.to_thread(run_outrider, "status", *words, **variables)


def drawn(state: dict[str, Any], rates: Rates | None = None) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(draw(state, rates, "http://127.0.0.1:9901"))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_it_tells_what_the_page_tells(outrider) -> None:
    policies = {"concurrency": {"limit": 3}, "rate_limit": {"rate": "100/s", "burst": 10}, "breaker": {}}
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, upstream=policies))
        await running.request()
        await running.request(b"GET", b"/", b"Outrider-Nonsense: 1")
        done = await status("--url", running.admin_url)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^Outrider \S+  ready  up for \d+ s · 0 of \d+ in flight", done.stdout)
    assert re.search(r"^api +2 +1 .*0 of 3 at once +closed", done.stdout, re.MULTILINE)
    assert re.search(r"^ +100/s: \d+ of 10 free", done.stdout, re.MULTILINE)
    assert re.search(r"bad_request +edge +api", done.stdout)
    assert "\x1b" not in done.stdout
    assert TOKEN not in done.stdout


async def test_it_prints_the_document_itself(outrider) -> None:
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        done = await status("--json", OUTRIDER_ADMIN=running.admin_url)
        there = await Admin(running.admin_port).get("/api/state")
    assert json.loads(done.stdout).keys() == there.keys()


async def test_a_large_state_is_read_whole(outrider) -> None:
    async with RawUpstream(never_answers()) as upstream, contextlib.AsyncExitStack() as open_:
        running = await outrider(facing(upstream.url))
        for _ in range(100):
            caller = await open_.enter_async_context(await running.caller())
            await caller.send(running.head(b"GET", b"/" + b"x" * 1500))
        await running.has_in_flight(lambda count: count == 100)
        done = await status("--json", "--url", running.admin_url)
    assert len(done.stdout) > 100_000
    assert len(json.loads(done.stdout)["requests"]) == 100


async def test_the_token_is_taken_and_asked_for(outrider) -> None:
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, admin={"listen": "127.0.0.1:0", "token": "s3cret"}))
        refused = await status("--url", running.admin_url)
        taken = await status("--url", running.admin_url, OUTRIDER_ADMIN_TOKEN="s3cret")
    assert (refused.returncode, "set $OUTRIDER_ADMIN_TOKEN" in refused.stderr) == (1, True)
    assert taken.returncode == 0


@pytest.mark.parametrize("words", [(), ("--watch",), ("--json",)])
def test_no_daemon_is_one_line(words: tuple[str, ...]) -> None:
    done = run_outrider("status", "--url", "http://127.0.0.1:1", *words)
    assert (done.returncode, done.stderr) == (1, "outrider: no daemon at http://127.0.0.1:1: connection refused\n")


@pytest.mark.parametrize("url", ["http://127.0.0.1", "ftp://x:1/a"])
def test_a_wrong_address_is_wrong_usage(url: str) -> None:
    assert run_outrider("status", "--url", url).returncode == 2


async def test_watching_on_a_terminal_shows_a_transfer_that_moves_and_ends_well(outrider) -> None:
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        screen = Screen(await watching(running.admin_url))
        async with await running.caller() as caller:
            await caller.send(running.head(b"PUT", b"/files/report", NAMED, b"Content-Length: 1000000"))
            await caller.send(b"x" * 250_000)
            await screen.shows("PUT /files/report", "244 KiB of 977 KiB")
            await caller.send(b"x" * 500_000)
            await screen.shows("732 KiB of 977 KiB")
            await running.stop()
            await screen.shows("what stands here is old")
        assert await screen.interrupt() == 0


async def watching(url: str) -> tuple[asyncio.subprocess.Process, int]:
    mine, theirs = pty.openpty()
    variables = environment(TERM="xterm", COLUMNS="140", LINES="50")
    words = command("status", "--watch", "--every", "100ms", "--url", url)
    process = await asyncio.create_subprocess_exec(*words, stdin=theirs, stdout=theirs, stderr=theirs, env=variables)
    os.close(theirs)
    os.set_blocking(mine, False)
    return process, mine


class Screen:
    """What a process writes to its terminal."""

    def __init__(self, watched: tuple[asyncio.subprocess.Process, int]) -> None:
        self.process, self._mine = watched
        self._text = ""

    async def shows(self, *words: str) -> None:
        """Wait until all of these have been written."""
        async with asyncio.timeout(20):
            while not all(word in self._text for word in words):
                assert self.process.returncode is None, self._text
                self._read()
                await asyncio.sleep(0.02)

    async def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        ending = asyncio.ensure_future(self.process.wait())
        while not ending.done():
            self._read()
            await asyncio.sleep(0.02)
        os.close(self._mine)
        return ending.result()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            self._text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", os.read(self._mine, 65536).decode(errors="replace"))


PROFILE = {
    "name": "mail", "type": "oauth2", "state": "expired", "expires_at": None, "unusable": "the grant is over",
    "problem": None, "wants_login": True, "in_flight": 0, "refreshes": {"success": 2}, "upstreams": ["api"],
}  # fmt: skip
STATE: dict[str, Any] = {
    "at": 1000.0, "started_at": 0.0, "uptime": 1000.0, "phase": "ready", "reasons": [], "build": {"version": "1"},
    "addresses": [], "in_flight": 0, "in_flight_limit": 10, "latency_bounds": [1.0], "upstreams": [], "profiles": [],
    "requests": [], "errors": [],
}  # fmt: skip


def test_a_session_that_wants_a_person_says_how() -> None:
    assert re.search(r"mail +over +api +2 +log in: outrider login mail", drawn(STATE | {"profiles": [PROFILE]}))


def test_a_session_tells_when_it_ends() -> None:
    valid = PROFILE | {"state": "valid", "expires_at": 1125.0, "unusable": None}
    assert re.search(r"mail +valid +2 min 5 s", drawn(STATE | {"profiles": [valid]}))


def test_a_fixed_credential_is_told_only_when_it_cannot_be_used() -> None:
    fixed = PROFILE | {"name": "key", "state": "fixed", "wants_login": False, "unusable": None}
    assert "key" not in drawn(STATE | {"profiles": [fixed]})
    assert "no such file" in drawn(STATE | {"profiles": [fixed | {"unusable": "no such file"}]})


def test_what_keeps_it_from_being_ready_is_told() -> None:
    assert "not ready" in (text := drawn(STATE | {"reasons": ["profile key: no such file"]}))
    assert "profile key: no such file" in text


def test_the_same_error_over_and_over_is_one_line() -> None:
    error = {"at": 1.0, "code": "circuit_open", "stage": "breaker", "upstream": "api", "detail": "Left alone."}
    assert re.search(r"circuit_open × 3 +breaker +api +Left alone\.", drawn(STATE | {"errors": [error] * 3}))


def test_names_are_no_markup() -> None:
    error = {"at": 1.0, "code": "x", "stage": "edge", "upstream": "[red]api[/red]", "detail": "[bold]"}
    assert "[red]api[/red]" in drawn(STATE | {"errors": [error]})


def test_a_daemon_that_is_gone_is_told_of_above_what_was_known() -> None:
    console = Console(file=io.StringIO(), width=160)
    console.print(gone(STATE, Rates(), "http://127.0.0.1:9901", "connection refused"))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().startswith("no daemon at http://127.0.0.1:9901: connection refused")
