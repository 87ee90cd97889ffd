"""A reload under way: nobody is refused or cut, requests keep the configuration that they began with, and what did not
change is not made anew.
"""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from proxy.config.load import load_file
from proxy.daemon import Daemon
from proxy.lifecycle.notify import Notifier
from proxy.pipeline import Pipeline
from tests.peers.admin import Admin
from tests.peers.caller import Caller
from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import Outrider, facing, on_free_ports
from tests.peers.scripts import answers
from tests.peers.token_server import CLIENT, SECRET, TokenServer


class Reloaded(Outrider):
    """A daemon whose file the test rewrites."""

    file: Path

    async def now(self, config: dict[str, Any] | str) -> Any:
        """Write this into the file, and reload."""
        self.file.write_text(config if isinstance(config, str) else on_free_ports(config))
        return await self.daemon.reload()


@pytest.fixture
async def reloaded(tmp_path: Path):
    """`await reloaded(config)` starts a daemon on free ports from a file."""
    started: list[Reloaded] = []

    async def start(config: dict[str, Any]) -> Reloaded:
        file = tmp_path / "outrider.yaml"
        file.write_text(on_free_ports(config))
        load = lambda: load_file(file, {})  # noqa: E731
        daemon = Daemon(load(), {}, load)
        await daemon.start()
        started.append(Reloaded(daemon))
        started[-1].file = file
        return started[-1]

    yield start
    for one in started:
        await one.stop()


def _says(text: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(text), text)


async def test_the_next_request_on_a_kept_alive_connection_meets_the_new_configuration(reloaded):
    async with RawUpstream(answers(_says(b"old"))) as old, RawUpstream(answers(_says(b"new"))) as new:
        running = await reloaded(facing(old.url))
        async with await running.caller() as caller:
            await caller.send(running.head())
            assert (await caller.answer()).content == b"old"
            outcome = await running.now(facing(new.url))
            assert (outcome.problems, outcome.changed) == ([], ["upstreams.api"])
            await caller.send(running.head())
            assert (await caller.answer()).content == b"new"
    assert old.heads[0].get(b"authorization") == new.heads[0].get(b"authorization")


async def test_a_request_in_flight_ends_in_the_configuration_that_it_began_with(reloaded):
    release = asyncio.Event()

    async def slow(connection):
        await connection.request()
        await release.wait()
        await connection.send(_says(b"old"))

    async with RawUpstream(slow) as old, RawUpstream(answers(_says(b"new"))) as new:
        headers = {"response": {"set": {"X-Generation": "old"}}}
        running = await reloaded(facing(old.url, upstream={"headers": headers}))
        request = asyncio.create_task(running.request())
        await running.has_in_flight(lambda count: count == 1)
        await running.now(facing(new.url))
        assert (await running.request()).get(b"x-generation") is None
        release.set()
        answer = await request
        assert (answer.content, answer.get(b"x-generation")) == (b"old", b"old")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("listen: 127.0.0.1:0\nupstreams:\n  api: {url: ftp://x}\n", "outrider.yaml:3:"),
        ("listen: [\n", "outrider.yaml:"),
        ("", "outrider.yaml"),
    ],
)
async def test_a_broken_file_changes_nothing_and_everybody_can_see_why(reloaded, caplog, text, said):
    async with RawUpstream(answers()) as upstream:
        running = await reloaded(facing(upstream.url))
        outcome = await running.now(text)
        assert outcome.invalid
        assert all(said in problem for problem in outcome.problems)
        (line,) = [r for r in caplog.records if r.__dict__.get("event") == "reload.failed"]
        assert said in line.getMessage()
        assert (await running.request()).status == 200
        health, metrics = await _admin(running, b"/readyz"), await _admin(running, b"/metrics")
        assert health.status == 200
        assert health.content.startswith(b"ready: the last reload changed nothing: ")
        assert said.encode() in health.content
        assert b"\noutrider_config_last_reload_successful 0.0" in metrics.content
        await running.now(facing(upstream.url))
        assert (await _admin(running, b"/readyz")).content == b"ready\n"
        assert b"\noutrider_config_last_reload_successful 1.0" in (await _admin(running, b"/metrics")).content


async def _admin(running: Outrider, path: bytes, *lines: bytes) -> Any:
    port = int(running.daemon.admin_addresses[0].rpartition(":")[2])
    async with await Caller.connect(port) as caller:
        host = b"Host: 127.0.0.1:%d" % port
        await caller.send(b"\r\n".join([b"GET %b HTTP/1.1" % path, host, *lines, b"", b""]))
        return await caller.answer()


async def test_an_address_that_is_taken_changes_nothing(reloaded):
    async with RawUpstream(answers()) as upstream:
        running = await reloaded(facing(upstream.url))
        before = running.daemon.addresses
        taken = upstream.url.removeprefix("http://")
        outcome = await running.now(facing(upstream.url, listen=["127.0.0.1:0", taken]))
        assert outcome.problems == [f"cannot listen on {taken}: address already in use"]
        assert running.daemon.addresses == before
        assert (await running.request()).status == 200


async def test_an_address_that_overlaps_one_of_its_own_is_refused_with_the_reason(reloaded):
    async with RawUpstream(answers()) as upstream:
        running = await reloaded(facing(upstream.url))
        own = running.daemon.addresses[0].removeprefix("http://")
        wanted = own.replace("127.0.0.1", "0.0.0.0")
        access = {"allow_remote": True, "callers": {"job": {"token": "t0ken"}}}
        outcome = await running.now(facing(upstream.url, listen=wanted, access=access))
        why = f"this daemon listens on {own}, which overlaps it; restart it, or choose another port"
        assert outcome.problems == [f"cannot listen on {wanted}: {why}"]
        assert (await running.request()).status == 200


async def test_listeners_change_and_callers_of_the_old_one_are_told_before_it_ends(reloaded, tmp_path):
    async with RawUpstream(answers()) as upstream:
        path = tmp_path / "o.sock"
        running = await reloaded(facing(upstream.url, listen=["127.0.0.1:0", "localhost:0"]))
        first, second = (int(address.rpartition(":")[2]) for address in running.daemon.addresses)
        async with await Caller.connect(first) as stays, await Caller.connect(second) as leaves:
            heads = [b"GET / HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % port for port in (first, second)]
            for caller, head in ((stays, heads[0]), (leaves, heads[1])):
                await caller.send(head)
                assert (await caller.answer()).get(b"connection") is None
            await running.now(facing(upstream.url, listen=["127.0.0.1:0", f"unix:{path}"]))
            assert running.daemon.addresses == [f"http://127.0.0.1:{first}", f"unix:{path}"]
            for caller, head, told in ((stays, heads[0], None), (leaves, heads[1], b"close")):
                await caller.send(head)
                answer = await caller.answer()
                assert (answer.status, answer.get(b"connection")) == (200, told)
        with pytest.raises(ConnectionRefusedError):
            await Caller.connect(second)
        await running.now(facing(upstream.url))
        assert not path.exists()


async def test_the_admin_listener_and_its_token_change(reloaded):
    async with RawUpstream(answers()) as upstream:
        running = await reloaded(facing(upstream.url))
        admin = {"listen": ["127.0.0.1:0", "localhost:0"], "token": "t0ken"}
        await running.now(facing(upstream.url, admin=admin))
        assert (await _admin(running, b"/metrics")).status == 401
        assert (await _admin(running, b"/metrics", b"Authorization: Bearer t0ken")).status == 200
        await running.now(facing(upstream.url, admin={"listen": "off"}))
        assert running.daemon.admin_addresses == []


async def test_sessions_of_unchanged_profiles_keep_their_tokens(reloaded):
    async with TokenServer() as server, RawUpstream(answers()) as upstream:
        client = {"client_id": CLIENT, "client_secret": SECRET, "token_url": server.token_url}
        machine = {"type": "oauth2", "grant": "client_credentials", **client}
        config = facing(upstream.url, upstream={"auth": "machine"}) | {"auth": {"machine": machine}}
        running = await reloaded(config)
        await running.request()
        for limit in (10, 11, 12):
            await running.now({**config, "limits": {"in_flight": limit}})
            assert (await running.request()).status == 200
        assert len(server.asked) == 1
        assert len({head.get(b"authorization") for head in upstream.heads}) == 1


async def test_counters_circuits_and_paces_survive_a_reload(reloaded):
    down = b"HTTP/1.1 500 Down\r\ncontent-length: 0\r\n\r\n"
    async with RawUpstream(answers(down)) as upstream:
        breaker = {"min_calls": 1, "failure_ratio": "100%"}
        policies = {"breaker": breaker, "retry": {"attempts": 1}}
        running = await reloaded(facing(upstream.url, upstream=policies))
        assert (await running.request()).status == 500
        assert (await running.request()).status == 503
        await running.now(facing(upstream.url, upstream={**policies, "timeout": {"total": "9s"}}))
        assert (await running.request()).status == 503
        assert len(upstream.heads) == 1
        text = (await _admin(running, b"/metrics")).content
        assert b'outrider_requests_total{code="503",method="GET",upstream="api"} 2.0' in text
        await running.now(facing(upstream.url, upstream={"retry": {"attempts": 1}}))
        assert (await running.request()).status == 500


async def test_connections_to_an_unchanged_upstream_are_used_on(reloaded):
    async with RawUpstream(answers()) as upstream:
        running = await reloaded(facing(upstream.url))
        await running.request()
        await running.now(facing(upstream.url, limits={"in_flight": 9}))
        await running.request()
        assert len(upstream.connections) == 1


async def test_a_reload_under_load_fails_no_request(reloaded):
    async with RawUpstream(answers()) as upstream:
        running = await reloaded(facing(upstream.url))
        failed: list[object] = []
        done = 0

        async def call(each: int) -> None:
            nonlocal done
            async with await running.caller() as caller:
                for _ in range(each):
                    await caller.send(running.head())
                    answer = await caller.answer()
                    if answer.status != 200 or answer.get(b"connection") is not None:
                        failed.append(answer)
                    done += 1

        async def reload() -> None:
            for number in range(20):
                limits, policies = {"in_flight": 100 + number}, {"timeout": {"idle": f"{9 + number}s"}}
                outcome = await running.now(facing(upstream.url, limits=limits, upstream=policies))
                assert outcome.problems == []

        await asyncio.gather(*(call(100) for _ in range(10)), reload())
        assert (done, failed) == (1000, [])


async def test_the_log_level_changes(reloaded):
    async with RawUpstream(answers()) as upstream:
        running = await reloaded(facing(upstream.url))
        logger = logging.getLogger("outrider")
        level = logger.level
        try:
            await running.now(facing(upstream.url, log={"level": "error"}))
            assert logger.level == logging.ERROR
        finally:
            logger.setLevel(level)


async def test_what_was_replaced_is_closed_when_its_last_request_has_ended(reloaded):
    async with RawUpstream(answers()) as upstream:
        running = await reloaded(facing(upstream.url))
        old = running.daemon._pipeline
        await running.now(facing(upstream.url) | {"auth": {"token": {"type": "bearer", "token": "another"}}})
        assert running.daemon._pipeline is not old
        async with asyncio.timeout(10):
            while running.daemon._running._retiring:
                await asyncio.sleep(0.02)
        assert (await running.request()).status == 200
        assert upstream.heads[-1].get(b"authorization") == b"Bearer another"


async def test_the_admin_plane_reloads_and_drains(reloaded):
    async with RawUpstream(answers()) as upstream:
        running = await reloaded(facing(upstream.url))
        running.file.write_text("nonsense: 1\n")
        lines = (
            b"POST /api/reload HTTP/1.1",
            b"Host: 127.0.0.1:%d" % running.admin_port,
            b"Outrider-Admin: 1",
            b"",
            b"",
        )
        async with await Caller.connect(running.admin_port) as caller:
            await caller.send(b"\r\n".join(lines))
            answer = await caller.answer(b"POST")
            assert (answer.status, json.loads(answer.content)["invalid"]) == (409, True)
            await caller.send(b"\r\n".join(lines).replace(b"reload", b"drain"))
            assert (await caller.answer(b"POST")).status == 202
        assert running.daemon._stopping.asked.is_set()


async def test_a_reload_that_a_stop_overtakes_opens_no_door_again(reloaded):
    async with TokenServer() as server, RawUpstream(answers()) as upstream:
        running = await reloaded(facing(upstream.url))
        config = _with_machine(server, upstream)
        asked, go = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            asked.set()
            await go.wait()

        server.before_commit = hold
        reload = asyncio.create_task(running.now(config))
        await asyncio.wait_for(asked.wait(), 10)
        draining = asyncio.create_task(running.daemon.drain(5))
        await asyncio.sleep(0)
        go.set()
        assert (await reload).problems == ["the daemon is draining"]
        assert await draining
        with pytest.raises(ConnectionRefusedError):
            await running.caller()


async def test_a_reload_goes_on_when_whoever_asked_for_it_leaves(reloaded):
    async with TokenServer() as server, RawUpstream(answers()) as upstream:
        running = await reloaded(facing(upstream.url))
        asked, go = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            asked.set()
            await go.wait()

        server.before_commit = hold
        running.file.write_text(on_free_ports(_with_machine(server, upstream)))
        async with await Caller.connect(running.admin_port) as caller:
            host = b"Host: 127.0.0.1:%d" % running.admin_port
            await caller.send(b"\r\n".join((b"POST /api/reload HTTP/1.1", host, b"Outrider-Admin: 1", b"", b"")))
            await asyncio.wait_for(asked.wait(), 10)
        await asyncio.sleep(0.1)
        go.set()
        async with asyncio.timeout(10):
            while running.daemon._running.config.upstreams["api"].auth != "machine":
                await asyncio.sleep(0.01)


async def test_a_reload_that_ends_in_a_defect_leaves_nothing_behind_and_nobody_waiting(reloaded, monkeypatch):
    async with TokenServer() as server, RawUpstream(answers()) as upstream:
        running = await reloaded(facing(upstream.url))
        told: list[str] = []
        monkeypatch.setattr(Notifier, "reloading", lambda _: told.append("reloading"))
        monkeypatch.setattr(Notifier, "ready", lambda _, status: told.append(status))

        async def defect(_: Pipeline) -> None:
            raise RuntimeError

        with monkeypatch.context() as broken:
            broken.setattr(Pipeline, "start", defect)
            with pytest.raises(RuntimeError):
                await running.now(_with_machine(server, upstream))
        assert not running.daemon._running._holdings._held["source", "machine"]
        assert told == ["reloading", "ready; the last reload ended in an internal error"]
        assert (
            b"outrider_config_last_reload_successful 0"
            in (await Admin(running.admin_port).ask(b"GET", "/metrics")).content
        )
        assert not (await running.now(_with_machine(server, upstream))).problems


def _with_machine(server: TokenServer, upstream: RawUpstream) -> dict[str, Any]:
    client = {"client_id": CLIENT, "client_secret": SECRET, "token_url": server.token_url}
    machine = {"type": "oauth2", "grant": "client_credentials", **client}
    return facing(upstream.url, upstream={"auth": "machine"}) | {"auth": {"machine": machine}}


async def test_each_event_around_a_reload_is_told_once_to_the_hooks_of_its_time(reloaded):
    done = b"HTTP/1.1 204 No Content\r\n\r\n"
    async with RawUpstream(answers(done)) as old, RawUpstream(answers(done)) as new:

        def told(hook: RawUpstream) -> dict[str, Any]:
            hooks = {"on_session_expired": {"webhook": hook.url}, "on_refresh": {"webhook": hook.url}}
            return facing("http://127.0.0.1:9", auth=False, hooks=hooks)

        running = await reloaded(told(old))
        events = running.daemon._pipeline.tallies.events
        publishing = asyncio.Event()

        async def publish() -> None:
            number = 0
            while not publishing.is_set():
                events.publish("session.refreshed", profile="p", number=number)
                number += 1
                await asyncio.sleep(0.001)
            events.publish("session.refreshed", profile="p", number=-1)

        events.publish("session.expired", profile="p")
        going = asyncio.create_task(publish())
        assert (await running.now(told(new))).problems == []
        await asyncio.sleep(0.01)
        publishing.set()
        await going
        async with asyncio.timeout(20):
            while not new.requests or json.loads(new.requests[-1].content).get("number") != -1:
                await asyncio.sleep(0.01)
        seen = [[json.loads(request.content) for request in hook.requests] for hook in (old, new)]
    kinds = [notice["kind"] for notices in seen for notice in notices]
    assert kinds.count("session.expired") == 1
    before, after = ([one["number"] for one in notices if "number" in one] for notices in seen)
    assert [*before, *after] == [*range(len(before) + len(after) - 1), -1]
    assert before
    assert len(after) > 1


async def test_a_session_that_was_over_before_a_reload_is_not_told_again_after_it(reloaded):
    done = b"HTTP/1.1 204 No Content\r\n\r\n"
    async with RawUpstream(answers(done)) as old, RawUpstream(answers(done)) as new:

        def told(hook: RawUpstream) -> dict[str, Any]:
            return facing("http://127.0.0.1:9", auth=False, hooks={"on_session_expired": {"webhook": hook.url}})

        running = await reloaded(told(old))
        events = running.daemon._pipeline.tallies.events
        events.publish("session.expired", profile="p")
        assert (await running.now(told(new))).problems == []
        events.publish("session.terminated", profile="p")
        events.publish("session.terminated", profile="other")
        async with asyncio.timeout(5):
            while not (old.requests and new.requests):
                await asyncio.sleep(0.005)
    (notice,) = (json.loads(request.content) for request in new.requests)
    assert notice["profile"] == "other"


async def test_interceptors_are_closed_when_the_last_request_of_their_configuration_has_ended(reloaded, tmp_path):
    (tmp_path / "closing.py").write_text(
        "from pathlib import Path\n"
        "class Closing:\n"
        "    def on_request(self, request):\n        pass\n"
        "    async def close(self):\n"
        f"        with Path({str(tmp_path / 'closed')!r}).open('a') as file:\n            file.write('x')\n"
    )
    async with RawUpstream(answers()) as upstream:
        config = facing(
            upstream.url, upstream={"interceptors": ["c"]}, interceptors={"c": {"class": "closing:Closing"}}
        )
        running = await reloaded(config)
        assert (await running.request()).status == 200
        assert (await running.now(config)).problems == []
        assert (await running.request()).status == 200
        async with asyncio.timeout(5):
            while not (tmp_path / "closed").exists():
                await asyncio.sleep(0.01)
        await running.stop()
    assert (tmp_path / "closed").read_text() == "xx"
