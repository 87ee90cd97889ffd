"""The circuit of a sick upstream: opens, answers at once, probes, closes."""

import asyncio

import pytest

from tests.peers.caller import Answer, Caller
from tests.peers.raw_upstream import Connection, RawUpstream, Script
from tests.peers.running import Outrider, facing
from tests.peers.scripts import OK, answers, never_answers, resets_unanswered

SICK = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
OPEN = 0.3
BREAKER = {"min_calls": 5, "failure_ratio": "50%", "open": "300ms", "max_open": "600ms", "probes": 2}


class Patient:
    """An upstream's health, for a script that answers by it."""

    def __init__(self) -> None:
        self.answer = SICK

    def script(self) -> Script:
        async def script(connection: Connection) -> None:
            while True:
                await connection.request()
                await connection.send(self.answer)

        return script


def guarded(url: str, **upstream: object) -> dict[str, object]:
    return facing(url, upstream={"retry": {"attempts": 1}, "breaker": BREAKER, **upstream})


async def ask(running: Outrider, times: int, method: bytes = b"GET", target: bytes = b"/") -> list[Answer]:
    return [await running.request(method, target) for _ in range(times)]


async def metrics(running: Outrider) -> str:
    async with await Caller.connect(running.admin_port) as caller:
        await caller.send(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % running.admin_port)
        return (await caller.answer()).content.decode()


async def test_enough_failures_open_it_and_the_upstream_is_left_alone(outrider):
    async with RawUpstream(answers(SICK)) as upstream:
        running = await outrider(guarded(upstream.url))
        assert [answer.status for answer in await ask(running, 5)] == [503] * 5
        refused = await ask(running, 10)
        assert {answer.code for answer in refused} == {"circuit_open"}
        assert {answer.get(b"retry-after") for answer in refused} == {b"1"}
        assert refused[0].problem()["stage"] == "breaker"
        assert b"destination_unavailable" in refused[0].get(b"proxy-status")
        assert len(upstream.heads) == 5
        assert len(upstream.connections) <= 1


async def test_probes_that_are_answered_close_it(outrider):
    patient = Patient()
    async with RawUpstream(patient.script()) as upstream:
        running = await outrider(guarded(upstream.url))
        await ask(running, 5)
        assert 'outrider_circuit_state{state="open",upstream="api"} 1.0' in await metrics(running)
        patient.answer = OK
        await asyncio.sleep(OPEN)
        assert [answer.content for answer in await ask(running, 6)] == [b"ok"] * 6
        told = await metrics(running)
        assert 'outrider_circuit_state{state="closed",upstream="api"} 1.0' in told
        assert 'outrider_circuit_state{state="open",upstream="api"} 0.0' in told


async def test_a_probe_that_fails_opens_it_again(outrider):
    async with RawUpstream(answers(SICK)) as upstream:
        running = await outrider(guarded(upstream.url))
        await ask(running, 5)
        await asyncio.sleep(OPEN)
        assert [answer.get(b"content-type") for answer in await ask(running, 3)] == [
            None, b"application/problem+json", b"application/problem+json",
        ]  # fmt: skip
        assert len(upstream.heads) == 6


async def test_no_more_than_the_probes_go_out_at_once(outrider):
    hold, patient = asyncio.Event(), Patient()

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            if patient.answer == OK:
                await hold.wait()
            await connection.send(patient.answer)

    async with RawUpstream(script) as upstream:
        running = await outrider(guarded(upstream.url))
        await ask(running, 5)
        patient.answer = OK
        await asyncio.sleep(OPEN)
        tasks = [asyncio.create_task(running.request()) for _ in range(12)]
        async with asyncio.timeout(5):
            while sum(task.done() for task in tasks) < 10 or len(upstream.heads) < 7:
                await asyncio.sleep(0.001)
        assert {task.result().code for task in tasks if task.done()} == {"circuit_open"}
        assert len(upstream.heads) == 7
        hold.set()
        assert sorted(answer.status for answer in await asyncio.gather(*tasks)) == [200] * 2 + [503] * 10


@pytest.mark.parametrize("script", [resets_unanswered, never_answers], ids=lambda script: script.__name__)
async def test_drops_and_timeouts_open_it(outrider, script):
    async with RawUpstream(script()) as upstream:
        running = await outrider(guarded(upstream.url, timeout={"first_byte": "50ms"}))
        answers_seen = await ask(running, 6, b"POST")
        assert [answer.code for answer in answers_seen[-1:]] == ["circuit_open"]
        assert len(upstream.heads) == 5


async def test_a_refused_connection_opens_it(outrider, unused_tcp_port):
    running = await outrider(guarded(f"http://127.0.0.1:{unused_tcp_port}"))
    assert [answer.code for answer in await ask(running, 6)] == ["upstream_connect_failed"] * 5 + ["circuit_open"]


@pytest.mark.parametrize("status", [b"404 Not Found", b"401 Unauthorized", b"429 Too Many Requests"])
async def test_answers_that_are_the_callers_own_fault_never_open_it(outrider, status):
    async with RawUpstream(answers(b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % status)) as upstream:
        running = await outrider(guarded(upstream.url))
        await ask(running, 12)
        assert len(upstream.heads) == 12


async def test_callers_that_leave_never_open_it(outrider):
    arrived = asyncio.Queue()

    async def script(connection: Connection) -> None:
        while True:
            request = await connection.request()
            if request.head.target == b"/wait":
                arrived.put_nowait(connection)
                await connection.gone()
            await connection.send(OK)

    async with RawUpstream(script) as upstream:
        running = await outrider(guarded(upstream.url))
        for _ in range(8):
            async with await running.caller() as caller:
                await caller.send(running.head(b"GET", b"/wait"))
                connection = await arrived.get()
            await connection.ended.wait()
        assert (await running.request()).content == b"ok"


async def test_a_callers_own_short_timeout_never_opens_it(outrider):
    async with RawUpstream(never_answers()) as upstream:
        running = await outrider(guarded(upstream.url))
        for _ in range(8):
            answer = await running.request(b"GET", b"/", b"Outrider-Timeout: 20ms")
            assert answer.code == "deadline_exceeded"
        assert len(upstream.heads) == 8


async def test_all_routes_of_an_upstream_share_the_circuit_and_others_have_their_own(outrider):
    async with RawUpstream(answers(SICK)) as upstream, RawUpstream(answers()) as other:
        config = guarded(upstream.url, routes=[{"match": "GET /orders", "timeout": {"total": "5s"}}])
        config["upstreams"]["other"] = {"url": other.url, "match": {"prefix": "/other"}, "breaker": BREAKER}
        running = await outrider(config)
        await ask(running, 5, target=b"/orders")
        assert (await running.request(b"GET", b"/else")).code == "circuit_open"
        assert (await running.request(b"GET", b"/other")).content == b"ok"
