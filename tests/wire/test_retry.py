"""What is tried again on the wire, and what never is: the upstream's ledger has the last word."""

import asyncio

import pytest

from tests.peers.caller import Answer
from tests.peers.raw_upstream import Connection, RawUpstream, Script
from tests.peers.running import facing
from tests.peers.scripts import OK, answers, answers_once, never_answers, resets_unanswered

_BRISK = {"retry": {"backoff": {"base": "5ms"}}}
_FAILING = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy"


def _with(**retry: object) -> dict[str, object]:
    return {"retry": {"backoff": {"base": "5ms"}, **retry}}


def _in_turn(*scripts: bytes) -> Script:
    """Answers the requests of all connections with these in turn, the last one for ever; `b""` hangs up."""
    left = list(scripts)

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            data = left.pop(0) if len(left) > 1 else left[0]
            if not data:
                return
            await connection.send(data)

    return script


def _status(status: int, *lines: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 %d X" % status, b"content-length: 0", *lines, b"", b""])


def _attempts(answer: Answer) -> bytes:
    return (answer.get(b"proxy-status") or b"").partition(b"attempts=")[2].partition(b";")[0]


async def _samples(running, name: str) -> dict[str, float]:
    """The samples of a metric by their labels, without those at zero."""
    async with await asyncio.wait_for(_admin(running), 5) as caller:
        await caller.send(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % running.admin_port)
        text = (await caller.answer()).content.decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith(name + "{")]
    return {labels: float(value) for labels, value in lines if float(value)}


async def _admin(running):
    from tests.peers.caller import Caller

    return await Caller.connect(running.admin_port)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"])
async def test_an_idempotent_request_is_tried_until_it_is_answered(outrider, method, status):
    async with RawUpstream(_in_turn(_status(status), _status(status), _status(200))) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK))
        answer = await running.request(method, b"/x", content=b"abc" if method == b"PUT" else b"")
        assert (answer.status, _attempts(answer), len(upstream.requests)) == (200, b"3", 3)
        assert {request.content for request in upstream.requests} == {b"abc" if method == b"PUT" else b""}


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 409, 422, 501, 505])
async def test_any_other_answer_passes_at_once(outrider, status):
    async with RawUpstream(answers(_status(status))) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK))
        answer = await running.request()
        assert (answer.status, answer.get(b"proxy-status"), len(upstream.requests)) == (status, None, 1)


async def test_the_last_failure_passes_untouched(outrider):
    async with RawUpstream(answers(_FAILING)) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK))
        answer = await running.request()
        assert (answer.status, answer.content, _attempts(answer)) == (503, b"busy", b"3")
        assert len(upstream.requests) == 3


@pytest.mark.parametrize("method", [b"POST", b"PATCH"])
@pytest.mark.parametrize("fault", ["503", "500", "reset", "closed", "silent", "half a head"])
async def test_what_changes_something_is_never_sent_twice(outrider, method, fault):
    scripts = {
        "503": answers(_FAILING),
        "500": answers(_status(500)),
        "reset": resets_unanswered(),
        "closed": _in_turn(b""),
        "silent": never_answers(),
        "half a head": answers_once(b"HTTP/1.1 200 OK\r\ncontent-le"),
    }
    async with RawUpstream(scripts[fault]) as upstream:
        running = await outrider(facing(upstream.url, upstream={"timeout": {"first_byte": "200ms"}, **_BRISK}))
        for _ in range(3):
            assert (await running.request(method, b"/order", content=b"one")).status >= 500
        assert len(upstream.requests) == 3


@pytest.mark.parametrize("cut", range(len(_status(200, b"x: y"))))
async def test_an_answer_that_breaks_off_anywhere_in_its_head_is_asked_for_again(outrider, cut):
    whole = _status(200, b"x: y")
    posted = 0

    async def script(connection: Connection) -> None:
        nonlocal posted
        request = await connection.request()
        posted += request.head.method == b"POST"
        first = len(upstream.requests) == 1 or request.head.method == b"POST"
        await connection.send(whole[:cut] if first else whole)

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK))
        answer = await running.request()
        assert (answer.status, _attempts(answer)) == (200, b"2")
        assert (await running.request(b"POST", b"/", content=b"one")).status == 502
        assert posted == 1


@pytest.mark.parametrize("cut", range(1, 10, 3))
async def test_an_answer_of_which_something_went_to_the_caller_is_not_asked_for_again(outrider, cut):
    async with RawUpstream(answers_once(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n" + b"a" * cut)) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK))
        answer = await running.request()
        assert not answer.whole
        assert len(upstream.requests) == 1


async def test_a_refused_connection_is_tried_again_for_any_method(outrider):
    async with RawUpstream(answers()) as upstream:
        url = upstream.url
    running = await outrider(facing(url, upstream=_BRISK))
    answer = await running.request(b"POST", b"/", content=b"one")
    assert (answer.status, answer.problem()["attempts"]) == (502, 3)
    assert sum((await _samples(running, "outrider_retries_total")).values()) == 2


async def test_a_post_that_is_told_when_to_come_back_is_sent_again_then(outrider):
    async with RawUpstream(_in_turn(_status(503, b"retry-after: 0"), OK)) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK))
        assert (await running.request(b"POST", b"/", content=b"one")).content == b"ok"
        assert [request.content for request in upstream.requests] == [b"one"] * 2


async def test_too_long_a_retry_after_passes_to_the_caller(outrider):
    async with RawUpstream(answers(_status(429, b"retry-after: 3600"))) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK))
        answer = await running.request(timeout=3)
        assert (answer.status, answer.get(b"retry-after"), len(upstream.requests)) == (429, b"3600", 1)


async def test_a_retry_after_past_the_callers_deadline_passes_at_once(outrider):
    async with RawUpstream(answers(_status(503, b"retry-after: 30"))) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK))
        answer = await running.request(b"GET", b"/", b"Outrider-Timeout: 5s", timeout=3)
        assert (answer.status, len(upstream.requests)) == (503, 1)


async def test_one_deadline_holds_all_attempts(outrider):
    async with RawUpstream(never_answers()) as upstream:
        limits = {"timeout": {"first_byte": "100ms"}, **_with(attempts=100)}
        running = await outrider(facing(upstream.url, upstream=limits))
        answer = await running.request(b"GET", b"/", b"Outrider-Timeout: 500ms", timeout=3)
        assert answer.status == 504
        assert 1 < len(upstream.requests) < 7


async def test_the_caller_may_turn_it_off(outrider):
    async with RawUpstream(answers(_FAILING)) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK))
        assert (await running.request(b"GET", b"/", b"Outrider-Retry: off")).status == 503
        assert len(upstream.requests) == 1
        assert not any(head.get(b"outrider-retry") for head in upstream.heads)


async def test_a_made_key_is_the_same_on_each_attempt_and_new_for_each_request(outrider):
    async with RawUpstream(_in_turn(_FAILING, b"", OK, _status(409), OK)) as upstream:
        routes = [{"match": "POST /orders", "retry": {"idempotency_key": "auto"}}]
        running = await outrider(facing(upstream.url, upstream={**_BRISK, "routes": routes}))
        for _ in range(2):
            assert (await running.request(b"POST", b"/orders", content=b"one")).content == b"ok"
        keys = [head.get(b"idempotency-key") for head in upstream.heads]
        assert len(keys) == 5
        assert len(set(keys[:3])) == len(set(keys[3:])) == 1
        assert len(set(keys)) == 2
        assert all(key and len(key) == 36 for key in keys)


async def test_the_callers_key_is_respected_and_its_conflict_of_payloads_final(outrider):
    async with RawUpstream(_in_turn(_FAILING, _status(422))) as upstream:
        running = await outrider(facing(upstream.url, upstream=_with(idempotency_key="auto")))
        answer = await running.request(b"POST", b"/", b"Idempotency-Key: mine", content=b"one")
        assert (answer.status, [head.all(b"idempotency-key") for head in upstream.heads]) == (422, [[b"mine"]] * 2)


async def test_a_key_that_would_not_reach_the_upstream_is_none(outrider):
    async with RawUpstream(answers(_FAILING)) as upstream:
        removing = {**_BRISK, "headers": {"remove": ["Idempotency-Key"]}}
        running = await outrider(facing(upstream.url, upstream=removing))
        await running.request(b"POST", b"/", b"Idempotency-Key: mine", content=b"one")
        assert len(upstream.requests) == 1


async def test_a_route_may_say_that_its_posts_are_safe(outrider):
    async with RawUpstream(_in_turn(_FAILING, OK)) as upstream:
        routes = [{"match": "POST /search", "retry": {"methods": ["POST"]}}]
        running = await outrider(facing(upstream.url, upstream={**_BRISK, "routes": routes}))
        assert (await running.request(b"POST", b"/search", content=b"query")).content == b"ok"
        assert len(upstream.requests) == 2


@pytest.mark.parametrize(("field", "unit"), [("X-Time-Left", b""), ("grpc-timeout", b"m")])
async def test_each_attempt_tells_the_upstream_what_is_left(outrider, field, unit):
    async with RawUpstream(_in_turn(_status(503, b"retry-after: 0"), _status(503), OK)) as upstream:
        running = await outrider(facing(upstream.url, upstream={**_BRISK, "timeout": {"deadline_header": field}}))
        await running.request(b"GET", b"/", b"Outrider-Timeout: 4s")
        told = [head.all(field.lower().encode()) for head in upstream.heads]
        assert [len(values) for values in told] == [1, 1, 1]
        left = [int(values[0].removesuffix(unit)) for values in told]
        assert 4000 >= left[0] >= left[1] >= left[2] > 0
        await running.request()
        assert upstream.heads[-1].get(field.lower().encode()) is None


async def test_a_storm_of_failures_makes_at_most_a_fifth_more_calls(outrider):
    everyone = asyncio.Event()

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            if len(upstream.requests) >= 200:
                everyone.set()
            await everyone.wait()
            await connection.send(_FAILING)

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK))
        answers_ = await asyncio.gather(*(running.request(timeout=20) for _ in range(200)))
        assert {answer.status for answer in answers_} == {503}
        assert 200 < len(upstream.requests) <= 240
        assert await _samples(running, "outrider_retry_budget_exhausted_total")


async def test_a_caller_that_leaves_during_a_wait_ends_the_trying(outrider):
    answered = asyncio.Event()

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(_status(503, b"retry-after: 20"))
            answered.set()

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url, upstream=_BRISK))
        async with await running.caller() as caller:
            await caller.send(running.head())
            await answered.wait()
        tally = running.daemon._pipeline.tallies["api"]
        async with asyncio.timeout(5):
            while tally.in_flight:
                await asyncio.sleep(0.01)
        assert len(upstream.requests) == 1


async def test_a_real_server_that_is_unavailable_is_asked_three_times(outrider, httpbin):
    running = await outrider(facing(httpbin, upstream=_BRISK))
    answer = await running.request(b"GET", b"/status/503")
    assert (answer.status, _attempts(answer)) == (503, b"3")
    assert await _samples(running, "outrider_retries_total") == {
        'outrider_retries_total{reason="503",upstream="api"}': 2.0
    }
