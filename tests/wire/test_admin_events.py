"""Events as server-sent events: ids, resumption, silence, and readers that do not read."""

import asyncio

import pytest

from proxy.admin import event_stream
from proxy.edge import local
from tests.peers.admin import Admin
from tests.peers.caller import Caller
from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import answers


@pytest.fixture
async def running(outrider):
    async with RawUpstream(answers()) as upstream:
        yield await outrider(facing(upstream.url))


async def test_an_error_of_a_request_is_an_event(running) -> None:
    async with Admin(running.admin_port).events() as events:
        await running.request(b"GET", b"/", b"Outrider-Nonsense: 1", b"Connection: close")
        data = await events.until("request.error")
    assert (data["code"], data["stage"], data["status"]) == ("bad_request", "edge", 400)


async def test_a_request_that_goes_well_is_none(running) -> None:
    last = running.daemon._pipeline.tallies.events.last
    assert (await running.request()).status == 200
    assert running.daemon._pipeline.tallies.events.last == last


async def test_a_reader_that_comes_back_gets_what_it_missed(running) -> None:
    admin = Admin(running.admin_port)
    log = running.daemon._pipeline.tallies.events
    async with admin.events() as events:
        log.publish("circuit.opened", upstream="api")
        seen = await events.until("circuit.opened")
    log.publish("circuit.closed", upstream="api")
    async with admin.events("/api/events", b"Last-Event-ID: %d" % seen["id"]) as events:
        assert (await events.next())[1] == {**seen, "kind": "circuit.closed", "id": seen["id"] + 1} | {
            "at": log.since(seen["id"])[0].document()["at"]
        }


@pytest.mark.parametrize("given", [b"0", b"99999999999999999999", b"-1", b"x", b"9" * 18])
async def test_an_id_that_was_never_given_breaks_nothing(running, given: bytes) -> None:
    log = running.daemon._pipeline.tallies.events
    async with Admin(running.admin_port).events("/api/events", b"Last-Event-ID: " + given) as events:
        log.publish("circuit.opened", upstream="api")
        assert (await events.until("circuit.opened"))["upstream"] == "api"


async def test_a_reader_that_fell_behind_what_is_kept_is_told(running) -> None:
    log = running.daemon._pipeline.tallies.events
    last = log.last
    for number in range(1500):
        log.publish("request.error", number=number)
    async with Admin(running.admin_port).events("/api/events", b"Last-Event-ID: %d" % (last + 1)) as events:
        assert (await events.next())[0] == "events.missed"
        assert (await events.next())[1]["number"] == 1500 - 512


async def test_silence_is_broken_by_a_comment(monkeypatch, outrider) -> None:
    monkeypatch.setattr(event_stream.event_routes, "__defaults__", (0.05,))
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        async with Admin(running.admin_port).events() as events:
            async with asyncio.timeout(5):
                reading = asyncio.create_task(events.next())
                while len(events.comments) < 3:
                    await asyncio.sleep(0.01)
            reading.cancel()


async def test_a_reader_that_does_not_read_is_cut_off_and_counted_and_nobody_waits(monkeypatch, outrider) -> None:
    monkeypatch.setattr(local.LocalHandler.__init__, "__defaults__", (0.2,))
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        log = running.daemon._pipeline.tallies.events
        async with await Caller.connect(running.admin_port) as caller:
            await caller.send(b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % running.admin_port)
            await caller.head()
            caller.transport.pause_reading()
            async with asyncio.timeout(10):
                while not log.dropped:
                    for _ in range(100):
                        log.publish("request.error", detail="x" * 4096)
                    assert (await running.request()).status == 200
        assert log.dropped == 1


async def test_a_reader_that_leaves_frees_its_place(running) -> None:
    log = running.daemon._pipeline.tallies.events
    async with Admin(running.admin_port).events() as events:
        log.publish("circuit.opened")
        await events.until("circuit.opened")
        assert len(log._waiting) <= 1
    async with asyncio.timeout(5):
        while log._waiting:
            await asyncio.sleep(0.005)


async def test_head_is_answered_without_a_stream(running) -> None:
    answer = await Admin(running.admin_port).ask(b"HEAD", "/api/events")
    assert (answer.status, answer.get(b"content-type"), answer.content) == (200, b"text/event-stream", b"")


async def test_an_old_caller_gets_events_without_chunks(running) -> None:
    log = running.daemon._pipeline.tallies.events
    async with await Caller.connect(running.admin_port) as caller:
        await caller.send(b"GET /api/events HTTP/1.0\r\nHost: 127.0.0.1:%d\r\n\r\n" % running.admin_port)
        head = await caller.head()
        assert (head.get(b"transfer-encoding"), head.get(b"connection")) == (None, b"close")
        log.publish("circuit.opened")
        text = b""
        while b"circuit.opened" not in text:
            text += await caller.piece()
    assert b"\r\n" not in text


async def test_a_stop_does_not_wait_for_readers(outrider) -> None:
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        async with Admin(running.admin_port).events():
            began = asyncio.get_running_loop().time()
            await running.stop()
            assert asyncio.get_running_loop().time() - began < 3
