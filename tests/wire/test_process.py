"""`outrider run` as a process of its own, under load: reloads and stops that no caller notices, and how soon it is
there.
"""

import asyncio
import contextlib
import json
import os
import random
import resource
import signal
from pathlib import Path

import pytest
import yaml
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from tests.cli.running import command, environment, outrider
from tests.peers.caller import Caller
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import OutriderProcess, facing
from tests.peers.scripts import answers
from tests.ports import free_port

AT_ONCE = 5
STOPS = int(os.environ.get("TEST_STOPS", AT_ONCE))
"""TEST_STOPS=100 takes two minutes."""
CALLERS = 10
BUSY = 3
"""A machine that does other things as well may need so many times as much."""


async def reload(running: OutriderProcess, config: dict[str, object]) -> dict[str, object]:
    """Write another file, and have it read; what came of it."""
    listeners = {name: yaml.safe_load(running.file.read_text())[name] for name in ("listen", "admin")}
    running.file.write_text(yaml.safe_dump(config | listeners))
    lines = (b"POST /api/reload HTTP/1.1", b"Host: 127.0.0.1:%d" % running.admin_port, b"Outrider-Admin: 1", b"", b"")
    async with await Caller.connect(running.admin_port) as admin:
        await admin.send(b"\r\n".join(lines))
        return json.loads((await admin.answer(b"POST", 30)).content)


async def test_a_thousand_requests_come_through_twenty_reloads(outrider_process) -> None:
    async with RawUpstream(answers()) as upstream:
        running = await outrider_process(facing(upstream.url))
        failed: list[object] = []
        done, reloads = 0, 0
        over = asyncio.Event()

        async def call() -> None:
            nonlocal done
            async with await running.caller() as caller:
                while done < 1000 or not over.is_set():
                    await caller.send(running.head())
                    answer = await caller.answer(timeout=30)
                    if answer.status != 200 or answer.get(b"connection") is not None:
                        failed.append(answer)
                    done += 1

        async def reload_often() -> None:
            nonlocal reloads
            try:
                for number in range(20):
                    if number % 4 == 3:
                        running.process.send_signal(signal.SIGHUP)
                    policies = {"timeout": {"idle": f"{9 + number}s"}}
                    config = facing(upstream.url, limits={"in_flight": 100 + number}, upstream=policies)
                    reloads += (await reload(running, config))["problems"] == []
            finally:
                over.set()

        await asyncio.gather(*(call() for _ in range(CALLERS)), reload_often())
        assert (failed, reloads) == ([], 20)
        assert done >= 1000


async def test_a_signal_to_reload_that_comes_during_the_start_is_heeded_after_it(tmp_path: Path) -> None:
    """It starts as long as its credential takes, which is until there is another file."""
    file, port, admin = tmp_path / "outrider.yaml", free_port(), free_port()
    listen = {"listen": f"127.0.0.1:{port}", "admin": {"listen": f"127.0.0.1:{admin}"}}
    wait = ["sh", "-c", f"while ! test -e {tmp_path}/go; do sleep 0.05; done; echo token"]
    slow = {"auth": {"slow": {"type": "exec", "command": wait, "timeout": "60s"}}}
    config = listen | slow | {"upstreams": {"api": {"url": "http://127.0.0.1:9", "auth": "slow"}}}
    file.write_text(yaml.safe_dump(config))
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command("run", "-c", str(file)), stderr=log, env=environment())
    try:
        async with asyncio.timeout(60):
            while b"its credential is still awaited" not in await probed(admin):
                await asyncio.sleep(0.05)
            file.write_text(yaml.safe_dump(config | {"limits": {"in_flight": 7}}))
            process.send_signal(signal.SIGHUP)
            (tmp_path / "go").touch()
            while "reloaded; changed: limits" not in (tmp_path / "log").read_text():
                await asyncio.sleep(0.05)
    finally:
        process.kill()
        await process.wait()
        # What still waits for it would do so for ever.
        (tmp_path / "go").touch()


async def probed(admin: int) -> bytes:
    """What readiness says; nothing while nobody is there."""
    with contextlib.suppress(OSError):
        async with await Caller.connect(admin) as caller:
            await caller.send(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % admin)
            return (await caller.answer()).content
    return b""


async def test_an_upload_and_a_websocket_live_on_in_the_configuration_that_they_began_with(outrider_process) -> None:
    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(f"{connection.request.headers['Authorization']} {message}")

    async def count(connection: Connection) -> None:
        request = await connection.request()
        said = b"%d %b" % (len(request.content), request.head.get(b"authorization") or b"none")
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(said), said))

    async with serve(echo, "127.0.0.1", 0) as sockets, RawUpstream(count) as upstream, RawUpstream(answers()) as other:
        port = sockets.sockets[0].getsockname()[1]
        talk = {"url": f"http://127.0.0.1:{port}", "match": {"prefix": "/talk"}, "auth": "token"}
        config = facing(upstream.url)
        config["upstreams"]["talk"] = talk
        running = await outrider_process(config)
        async with (
            await running.caller() as caller,
            connect(f"ws://127.0.0.1:{running.port}/talk", proxy=None) as socket,
        ):
            await caller.send(running.head(b"PUT", b"/", b"Content-Length: 200000") + b"a" * 100_000)
            await socket.send("before")
            first = await asyncio.wait_for(socket.recv(), 10)
            replaced = facing(other.url) | {"auth": {"token": {"type": "bearer", "token": "another"}}}
            assert (await reload(running, replaced))["problems"] == []
            assert (await running.request()).content == b"ok"
            await socket.send("after")
            second = await asyncio.wait_for(socket.recv(), 10)
            await caller.send(b"a" * 100_000)
            answer = await caller.answer(b"PUT")
        assert second == first.replace("before", "after")
        assert answer.content == b"200000 " + first.removesuffix(" before").encode()
        assert other.heads[0].get(b"authorization") == b"Bearer another"


async def call_until_gone(running: OutriderProcess, met: asyncio.Barrier, cut: list[str]) -> int:
    """Requests on kept-alive connections until nobody listens; how many were answered, and which were `cut`.

    After the first one it waits for those that are to be `met`.
    """
    assert (await running.request()).status == 200
    await met.wait()
    answered = 0
    while True:
        try:
            caller = await running.caller()
        except ConnectionRefusedError:
            return answered
        async with caller:
            fresh, told = True, False
            while not told:
                try:
                    await caller.send(running.head())
                    answer = await caller.answer(timeout=30)
                except EOFError as error:
                    # The system has connected a caller that nobody has met yet: it was never in flight.
                    if not fresh or error.args[0]:
                        cut.append(f"after {answered}: {error!r}")
                    break
                if answer.status != 200 or not answer.whole:
                    cut.append(f"after {answered}: {answer}")
                answered, fresh, told = answered + 1, False, answer.get(b"connection") == b"close"


async def stopped_under_load(outrider_process, url: str) -> None:
    running = await outrider_process(facing(url))
    cut: list[str] = []
    met = asyncio.Barrier(CALLERS + 1)
    calling = [asyncio.create_task(call_until_gone(running, met, cut)) for _ in range(CALLERS)]
    await met.wait()
    await asyncio.sleep(random.uniform(0.05, 0.3))
    assert await running.stop() == 0, running.log
    assert sum(await asyncio.wait_for(asyncio.gather(*calling), 30)) > 0
    assert cut == []


@pytest.mark.timeout(60 + 5 * STOPS)
async def test_a_stop_under_load_cuts_nobody(outrider_process) -> None:
    async def slow(connection: Connection) -> None:
        while True:
            await connection.request()
            await asyncio.sleep(random.uniform(0, 0.02))
            await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 3000\r\n\r\n" + b"a" * 3000)

    async with RawUpstream(slow) as upstream:
        for _ in range(STOPS // AT_ONCE):
            await asyncio.gather(*(stopped_under_load(outrider_process, upstream.url) for _ in range(AT_ONCE)))


async def test_it_is_ready_half_a_second_after_its_start_and_a_health_check_is_short(outrider_process) -> None:
    """Both are work and no waiting, so they are measured in time of the processor."""
    running = await outrider_process(facing("http://127.0.0.1:9"))
    used = Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()
    assert sum(map(int, used[11:13])) / os.sysconf("SC_CLK_TCK") < 0.5 * BUSY
    before = processor_time()
    assert outrider("healthcheck", "--url", running.admin_url).stdout == "ready\n"
    assert processor_time() - before < 0.15 * BUSY


def processor_time() -> float:
    """Of the processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
