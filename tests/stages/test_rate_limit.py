"""What goes on the wire keeps the pace, and learns the upstream's from its answers."""

import asyncio
from typing import cast

import pytest

from proxy.config.rate_model import Rate
from proxy.errors import BadRequest, RateLimited
from proxy.message import Exchange, Response
from proxy.observe.tally import UpstreamTally
from proxy.policy.limits import Limit, QuotaTerms
from proxy.policy.quota import Quota
from proxy.stages.pace import Pace
from proxy.stages.rate_limit import KeyedLimit, RateLimit, caller_key, content_key, value_key
from tests.stages.contents import FedContent
from tests.stages.next_stage import Call, NextStage, exchange, settle
from tests.stages.ticking import Ticking

WALL = 1_700_000_000.0


class Upstream(NextStage):
    """Answers at once, with these field lines that tell of its limits."""

    def __init__(self, *said: list[bytes]) -> None:
        super().__init__()
        self.said = list(said)
        self.seen: list[Exchange] = []

    async def send(self, exchange: Exchange) -> Response:
        self.seen.append(exchange)
        response = Response(200, b"", [])
        if self.said and (lines := self.said.pop(0)):
            response.quota = [line for line in lines if not line.startswith(b"Date")]
            response.lines = lines
            response.status = 429 if any(line.startswith(b"Retry") for line in lines) else 200
        return response


class Under:
    """The stage under test with its clock."""

    def __init__(
        self,
        *said: list[bytes],
        limit: Limit | None = None,
        keyed: "list[KeyedLimit] | None" = None,
        learn: bool = True,
        max_wait: float = 5.0,
    ) -> None:
        self.loop = Ticking()
        self.upstream = Upstream(*said)
        self.tally = UpstreamTally()
        self.quota = Quota()
        shared = [(limit.bucket(), limit)] if limit is not None else []
        pace = Pace(tuple(bucket for bucket, _ in shared), cast(asyncio.AbstractEventLoop, self.loop))
        self.stage = RateLimit(
            pace,
            [*([(self.quota, QuotaTerms(max_wait))] if learn else []), *shared],
            keyed or [],
            self.quota if learn else None,
            self.tally,
            (self.loop.time, lambda: WALL),
            self.upstream,
        )

    def ask(self, made: Exchange | None = None) -> "asyncio.Task[Response]":
        return asyncio.create_task(self.stage.send(made or exchange()))


SLOW = Limit("upstream", Rate(1, 1.0), 1, 5.0)
NEVER_WAITS = Limit("fingerprint", Rate(1, 2.0), 1, 0.0)
USED_UP = [b"X-RateLimit-Remaining: 0", b"X-RateLimit-Reset: 3"]


async def test_a_request_waits_for_its_place_and_the_wait_is_counted() -> None:
    under = Under(limit=SLOW)
    await under.ask()
    made = exchange()
    task = under.ask(made)
    await under.loop.advance(0.5)
    assert not task.done()
    await under.loop.advance(0.5)
    assert (await task).status == 200
    assert made.queued == pytest.approx(1.0)
    assert under.tally.rate_limit_seconds == pytest.approx(1.0)
    assert sum(under.tally.rate_limit_buckets) == 1


async def test_a_refusal_reaches_nobody_and_is_counted() -> None:
    under = Under(limit=NEVER_WAITS)
    await under.ask()
    with pytest.raises(RateLimited):
        await under.ask()
    assert len(under.upstream.seen) == 1
    assert under.tally.rate_limited == 1
    assert sum(under.tally.rate_limit_buckets) == 0


async def test_every_attempt_of_a_request_spends_a_place() -> None:
    under = Under(limit=SLOW)
    made = exchange()
    await under.ask(made)
    second = under.ask(made)
    await settle()
    assert not second.done()
    await under.loop.advance(1)
    await second


async def test_callers_are_counted_apart_by_their_key() -> None:
    under = Under(keyed=[KeyedLimit(NEVER_WAITS, caller_key)])
    await under.ask(exchange(caller="a"))
    await under.ask(exchange(caller="b"))
    with pytest.raises(RateLimited):
        await under.ask(exchange(caller="a"))


async def test_a_fields_values_are_counted_apart_and_requests_without_it_together() -> None:
    under = Under(keyed=[KeyedLimit(NEVER_WAITS, value_key(b"x-user"))])

    def of(*values: bytes) -> Exchange:
        made = exchange()
        made.fields = [(b"X-User", value) for value in values]
        return made

    for made in (of(b"1"), of(b"2"), of(b"1", b"2"), of()):
        await under.ask(made)
    for made in (of(b"1"), of()):
        with pytest.raises(RateLimited):
            await under.ask(made)


async def test_the_same_content_to_the_same_target_is_one_fingerprint_and_stays_to_be_sent() -> None:
    under = Under(keyed=[KeyedLimit(NEVER_WAITS, content_key)])

    def post(content: bytes) -> Exchange:
        made = exchange("POST")
        made.content = FedContent(content)
        return made

    await under.ask(post(b"one"))
    await under.ask(post(b"two"))
    with pytest.raises(RateLimited):
        await under.ask(post(b"one"))
    contents = [made.content for made in under.upstream.seen]
    assert [await content.read() for content in contents if content is not None] == [b"one", b"two"]


async def test_a_content_that_cannot_be_read_spends_nothing() -> None:
    class Cut(FedContent):
        async def read(self) -> bytes:
            raise BadRequest("cut")

    under = Under(limit=SLOW, keyed=[KeyedLimit(NEVER_WAITS, content_key)])
    made = exchange("POST")
    made.content = Cut()
    with pytest.raises(BadRequest):
        await under.ask(made)
    assert (await under.ask(exchange())).status == 200


async def test_at_zero_remaining_new_calls_of_all_callers_wait_for_the_reset() -> None:
    under = Under(USED_UP)
    await under.ask(exchange(caller="a"))
    tasks = [under.ask(exchange(caller=caller)) for caller in "ab"]
    await under.loop.advance(2.9)
    assert len(under.upstream.seen) == 1
    await under.loop.advance(0.2)
    await asyncio.gather(*tasks)


async def test_the_first_one_after_the_reset_goes_alone_and_its_answer_lets_the_others_go() -> None:
    under = Under(USED_UP)
    await under.ask()
    slow = NextStage()
    under.stage._next = slow
    tasks = [under.ask() for _ in range(5)]
    await under.loop.advance(3.1)
    assert len(slow.calls) == 1
    slow.calls[0].answer()
    await settle()
    assert len(slow.calls) == 5
    for call in slow.calls[1:]:
        call.answer()
    await asyncio.gather(*tasks)


async def test_a_first_one_that_fails_holds_the_others_up_for_a_second_at_most() -> None:
    under = Under(USED_UP)
    await under.ask()
    slow = NextStage()
    under.stage._next = slow
    tasks = [under.ask() for _ in range(3)]
    await under.loop.advance(3.1)
    tasks[0].cancel()
    await under.loop.advance(1)
    assert len(slow.calls) == 3
    for task in tasks:
        task.cancel()


async def test_a_reset_too_far_away_is_refused_at_once() -> None:
    under = Under(USED_UP, max_wait=2.0)
    await under.ask()
    with pytest.raises(RateLimited) as caught:
        await under.ask()
    assert caught.value.retry_after == pytest.approx(3.0, abs=0.1)
    assert caught.value.lines == (b'RateLimit: "quota";r=0;t=4',)
    assert under.tally.rate_limited == 1


async def test_a_refusal_of_the_upstream_holds_the_calls_after_it() -> None:
    under = Under([b"Retry-After: 60"])
    assert (await under.ask()).status == 429
    with pytest.raises(RateLimited) as caught:
        await under.ask()
    assert caught.value.retry_after == pytest.approx(60.0, abs=0.1)


async def test_an_answer_that_comes_meanwhile_and_says_that_more_is_left_ends_the_wait_soon() -> None:
    under = Under()
    slow = NextStage()
    under.stage._next = slow
    early = [under.ask() for _ in range(2)]
    await settle()

    async def answer(call: Call, left: int) -> None:
        response = Response(200, b"", [])
        response.quota = [b"X-RateLimit-Remaining: %d" % left, b"X-RateLimit-Reset: 4"]
        call.outcome.set_result(response)
        await settle()

    # One is left, and the other call that is under way may be it.
    await answer(slow.calls[0], 1)
    waiting = under.ask()
    await settle()
    assert len(slow.calls) == 2
    await answer(slow.calls[1], 7)
    await under.loop.advance(1.1)
    assert len(slow.calls) == 3
    slow.calls[2].answer()
    await asyncio.gather(*early, waiting)


async def test_a_moment_is_compared_with_the_answers_own_date() -> None:
    """The upstream's clock is an hour ahead of ours; the reset is four seconds away."""
    date = b"Date: Tue, 14 Nov 2023 23:13:20 GMT"
    under = Under([b"X-RateLimit-Remaining: 0", b"X-RateLimit-Reset: %d" % (WALL + 3604), date])
    await under.ask()
    task = under.ask()
    await under.loop.advance(4.1)
    assert (await task).status == 200


async def test_what_is_left_is_shown() -> None:
    under = Under([b"X-RateLimit-Remaining: 41", b"X-RateLimit-Reset: 3"])
    assert under.tally.quota_remaining is None
    await under.ask()
    assert under.tally.quota_remaining == 41


async def test_nothing_is_learned_where_that_is_off() -> None:
    under = Under(USED_UP, limit=Limit("upstream", Rate(100, 1.0), 100, 5.0), learn=False)
    for _ in range(5):
        await under.ask()
    assert under.tally.quota_remaining is None


async def test_who_is_cancelled_while_it_waits_leaves_nothing_behind() -> None:
    under = Under(limit=SLOW)
    await under.ask()
    tasks = [under.ask() for _ in range(3)]
    await settle()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(under.stage._pace) == 0
    last = under.ask()
    await under.loop.advance(1)
    assert (await last).status == 200
    assert len(under.upstream.seen) == 2
