"""No message that means two things gets through: it is refused with a problem document, or sent on clean.

RFC 9112 §2.2, §3.2, §5, §6.3 and §7.1 say what must be refused.
"""

import asyncio

import pytest

from tests.peers.caller import Answer, NotHttp
from tests.peers.grammar import judge
from tests.peers.judges import assert_well_formed
from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import Outrider, facing
from tests.peers.scripts import answers
from tests.wire.damage import damaged
from tests.wire.malformed import REFUSED, TOLERATED

_AT_ONCE = 20
_WORKERS = 8
_PATIENCE = 0.4
_IMPATIENT = {"idle_timeout": "200ms", "head_timeout": "200ms"}
_LAST = b"GET /last HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n"
"""Follows damaged requests, so that a connection that is still in step ends at once."""


def test_the_judge_refuses_all_of_the_corpus():
    for subject in REFUSED:
        if subject != "a head over the cap":
            for data in REFUSED[subject]:
                judged = judge(data.replace(b"HOST", b"h") + b"\r\n\r\n", as_server=True)
                assert judged.fault, (subject, data)
                assert not judged.requests, (subject, data)


async def _refusal(running: Outrider, data: bytes) -> str:
    """How the answer to `data` falls short of a refusal; empty when it does not."""
    async with await running.caller() as caller:
        await caller.send(data.replace(b"HOST", running.host))
        try:
            answer = await caller.answer(timeout=3)
            code = answer.code if 400 <= answer.status < 500 else ""
        except (EOFError, TimeoutError, NotHttp, AssertionError) as error:
            return f"{data[:120]!r}: {type(error).__name__} {error!s:.200}"
        if not code:
            return f"{data[:120]!r}: answered {answer.status}"
        if not await caller.closed(2):
            return f"{data[:120]!r}: {code}, but the connection stays open"
    return ""


@pytest.mark.parametrize("subject", REFUSED)
async def test_what_must_be_refused_is_refused_and_the_connection_closed(outrider, subject):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        refusals = await asyncio.gather(*(_refusal(running, data) for data in REFUSED[subject]))
        assert not [failure for failure in refusals if failure]
        assert b"/smuggled" not in upstream.targets
        if "chunk" not in subject and subject != "a bad trailer":
            assert not upstream.targets


async def _first_answers(running: Outrider, data: bytes) -> list[Answer]:
    """What comes back to `data` until nothing more does; damaged requests may be waited on for more."""
    found: list[Answer] = []
    async with await running.caller() as caller:
        await caller.send(data)
        try:
            while True:
                found.append(await caller.answer(timeout=_PATIENCE))
        except (EOFError, TimeoutError):
            return found


async def _try_all(running: Outrider, upstream: RawUpstream, payloads: list[bytes]) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def attempt(data: bytes) -> None:
        data = data.replace(b"HOST", running.host)
        async with gate:
            for answer in await _first_answers(running, data):
                assert answer.status < 500, (data, answer)
                assert answer.status < 300 or answer.problem(), (data, answer)

    await asyncio.gather(*(attempt(data) for data in payloads))
    assert_well_formed(upstream)


async def test_what_may_be_tolerated_is_sent_on_clean(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        await _try_all(running, upstream, TOLERATED)
        assert b"/smuggled" not in upstream.targets


async def test_thousands_of_damaged_requests_reach_the_upstream_clean_or_not_at_all(outrider, scale):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, limits=_IMPATIENT))
        await _try_all(running, upstream, [data + _LAST for data in damaged(scale(2000, 50_000), seed=9112)])


async def _assert_in_step(running: Outrider, upstream: RawUpstream, data: bytes) -> None:
    """What the upstream saw is what the strict grammar reads in `data`, as far as both read it."""
    upstream.heads.clear()
    data = data.replace(b"HOST", running.host)
    await _first_answers(running, data)
    judged = judge(data, as_server=True)
    read = [request.head.target for request in judged.requests]
    assert upstream.targets[: len(read)] == read[: len(upstream.targets)], data
    # At most one more: the one at which the strict reading stopped, for a reason of its own or for want of content.
    assert len(upstream.targets) <= len(read) + 1, data
    assert judged.fault or b"/smuggled" not in upstream.targets[len(read) :], data


async def test_no_damage_makes_content_into_a_request(outrider, scale):
    payloads = [data + _LAST for data in damaged(scale(800, 20_000), seed=6585)]

    async def work(share: list[bytes]) -> None:
        async with RawUpstream(answers()) as upstream:
            running = await outrider(facing(upstream.url, limits=_IMPATIENT))
            for data in share:
                await _assert_in_step(running, upstream, data)

    await asyncio.gather(*(work(payloads[first::_WORKERS]) for first in range(_WORKERS)))


async def test_a_bad_request_after_a_good_one_spoils_only_itself(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        async with await running.caller() as caller:
            await caller.send(running.head(b"GET", b"/good") + b"GET /bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            first = await caller.answer()
            if first.status == 200:
                assert (await caller.answer()).code == "bad_request"
            else:
                # Both may be given up together, as long as the good one was not sent on unanswered.
                assert first.code == "bad_request"
            assert await caller.closed()
        assert upstream.targets == ([b"/good"] if first.status == 200 else [])


async def test_a_refusal_says_which_stage_refused_and_why(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await running.request(b"GET", b"/a#b")
        problem = answer.problem()
        assert (problem["stage"], problem["status"], problem["retryable"]) == ("edge", 400, False)
        assert b"http_request_error" in (answer.get(b"proxy-status") or b"")
        assert not answer.get(b"server") or b"Python" not in answer.get(b"server")
