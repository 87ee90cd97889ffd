import asyncio
from collections.abc import Sequence

import pytest

from proxy.auth.source import PreparedInjection
from proxy.clock import NEVER
from proxy.errors import CredentialUnavailable, DeadlineExceeded
from proxy.message import Exchange, Response
from proxy.stages.authenticate import Authenticate
from proxy.stages.held_content import hold
from proxy.stages.replay import Replay
from proxy.stages.spool import SpoolCaps
from tests.stages.contents import FedContent, WholeRequest
from tests.stages.next_stage import Arriving

CAPS = SpoolCaps(memory=8, file=16, folder=None)
_GOOD = PreparedInjection(lines=b"Authorization: Bearer t\r\n")
_FRESH = PreparedInjection(lines=b"Authorization: Bearer fresh\r\n")


class Source:
    """A credential that is at hand or must be waited for; `asked` counts the waits."""

    def __init__(self, at_hand: PreparedInjection | None) -> None:
        self.at_hand = at_hand
        self.asked = 0
        self.arrives = asyncio.Event()
        self.error: CredentialUnavailable | None = None
        self.renews = True
        self.fresh: PreparedInjection | None = _FRESH
        self.refreshing = asyncio.Event()
        self.rejected: list[PreparedInjection] = []
        self.outcomes: list[tuple[PreparedInjection, bool]] = []

    def peek(self, now: float) -> PreparedInjection | None:
        return self.at_hand

    async def current(self) -> PreparedInjection:
        self.asked += 1
        if self.error is not None:
            raise self.error
        await self.arrives.wait()
        return _GOOD

    def may_refresh(self, rejected: PreparedInjection) -> bool:
        return self.renews

    def reject(self, rejected: PreparedInjection) -> None:
        self.rejected.append(rejected)

    async def refresh(self, rejected: PreparedInjection) -> PreparedInjection | None:
        self.refreshing.set()
        if self.error is not None:
            raise self.error
        await self.arrives.wait()
        return self.fresh

    def replayed(self, injection: PreparedInjection, *, accepted: bool) -> None:
        self.outcomes.append((injection, accepted))


class Inner:
    """Answers with `statuses` in turn, then with 200; reads the content of each request."""

    def __init__(self, *statuses: int, lines: Sequence[bytes] = (), whole: bool = True) -> None:
        self.sent: list[object] = []
        self.contents: list[bytes] = []
        self.statuses = list(statuses)
        self.lines = list(lines)
        self.arriving: list[Arriving] = []
        self.whole = whole

    async def send(self, exchange: Exchange) -> Response:
        self.sent.append(exchange.injection)
        if exchange.content is not None:
            content = b""
            while piece := await exchange.content.read():
                content += piece
            self.contents.append(content)
        status = self.statuses.pop(0) if self.statuses else 200
        response = Response(status, b"", self.lines if status != 200 else [])
        if not self.whole:
            self.arriving.append(Arriving())
            response.content = self.arriving[-1]
        return response


def _exchange(deadline: float = NEVER) -> Exchange:
    exchange = Exchange("GET", b"/", [], b"1", 0.0)
    exchange.deadline = deadline
    return exchange


async def test_a_credential_that_is_at_hand_is_not_waited_for() -> None:
    source, inner = Source(_GOOD), Inner()
    await Authenticate(source, lambda: 0.0, CAPS, inner).send(_exchange())
    assert (inner.sent, source.asked) == ([_GOOD], 0)


async def test_a_credential_that_is_not_is_waited_for() -> None:
    source, inner = Source(None), Inner()
    sending = asyncio.ensure_future(Authenticate(source, lambda: 0.0, CAPS, inner).send(_exchange()))
    await asyncio.sleep(0)
    assert inner.sent == []
    source.arrives.set()
    await asyncio.wait_for(sending, 5)
    assert inner.sent == [_GOOD]


async def test_how_long_a_credential_was_waited_for_is_noted() -> None:
    source, exchange = Source(None), _exchange()
    sending = asyncio.ensure_future(Authenticate(source, asyncio.get_running_loop().time, CAPS, Inner()).send(exchange))
    await asyncio.sleep(0.02)
    source.arrives.set()
    await asyncio.wait_for(sending, 5)
    assert 0.015 <= exchange.auth_wait < 5


async def test_no_credential_no_request() -> None:
    source, inner = Source(None), Inner()
    source.error = CredentialUnavailable("none")
    with pytest.raises(CredentialUnavailable):
        await Authenticate(source, lambda: 0.0, CAPS, inner).send(_exchange())
    assert inner.sent == []


async def test_a_wait_past_the_requests_deadline_sends_nothing() -> None:
    source, inner = Source(None), Inner()
    deadline = asyncio.get_running_loop().time() + 0.02
    with pytest.raises(DeadlineExceeded):
        await Authenticate(source, lambda: 0.0, CAPS, inner).send(_exchange(deadline))
    assert inner.sent == []


async def test_a_caller_that_leaves_while_it_waits_sends_nothing() -> None:
    source, inner = Source(None), Inner()
    sending = asyncio.ensure_future(Authenticate(source, lambda: 0.0, CAPS, inner).send(_exchange()))
    await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert inner.sent == []


async def test_a_caller_that_asks_for_none_gets_none() -> None:
    source, inner = Source(_GOOD), Inner()
    exchange = _exchange()
    exchange.wants_auth = False
    await Authenticate(source, lambda: 0.0, CAPS, inner).send(exchange)
    assert (inner.sent, source.asked) == ([None], 0)


def renewing(source: Source, inner: Inner) -> Authenticate[PreparedInjection]:
    source.arrives.set()
    return Authenticate(source, lambda: 0.0, CAPS, inner)


async def test_a_refused_credential_is_replaced_and_the_request_sent_once_more() -> None:
    source, inner, exchange = Source(_GOOD), Inner(401), _exchange()
    response = await renewing(source, inner).send(exchange)
    assert (response.status, inner.sent, exchange.refreshed) == (200, [_GOOD, _FRESH], True)
    assert source.outcomes == [(_FRESH, True)]


async def test_a_second_refusal_passes_as_it_came() -> None:
    source, inner = Source(_GOOD), Inner(401, 401, 401)
    response = await renewing(source, inner).send(_exchange())
    assert (response.status, inner.sent, source.outcomes) == (401, [_GOOD, _FRESH], [(_FRESH, False)])


async def test_insufficient_scope_is_no_matter_for_a_fresh_token() -> None:
    source, inner = Source(_GOOD), Inner(401, lines=[b'WWW-Authenticate: Bearer error="insufficient_scope"'])
    response = await renewing(source, inner).send(_exchange())
    assert (response.status, inner.sent) == (401, [_GOOD])


async def test_where_no_other_credential_can_be_had_the_answer_passes() -> None:
    source, inner, exchange = Source(_GOOD), Inner(401), _exchange()
    source.renews = False
    response = await renewing(source, inner).send(exchange)
    assert (response.status, inner.sent, exchange.refreshed) == (401, [_GOOD], False)


async def test_where_no_other_is_found_a_whole_answer_passes_as_it_came() -> None:
    source, inner, exchange = Source(_GOOD), Inner(401), _exchange()
    source.fresh = None
    response = await renewing(source, inner).send(exchange)
    assert (response.status, inner.sent, exchange.refreshed) == (401, [_GOOD], False)


async def test_the_wait_for_a_fresh_one_holds_no_connection() -> None:
    source, inner = Source(_GOOD), Inner(401, whole=False)
    sending = asyncio.ensure_future(Authenticate(source, lambda: 0.0, CAPS, inner).send(_exchange()))
    await asyncio.wait_for(source.refreshing.wait(), 5)
    assert inner.arriving[0].closed
    source.arrives.set()
    assert (await sending).status == 200


async def test_an_answer_that_was_given_up_for_nothing_is_asked_for_again() -> None:
    source, inner = Source(_GOOD), Inner(401, 401, whole=False)
    source.fresh = None
    response = await renewing(source, inner).send(_exchange())
    assert (response.status, inner.sent) == (401, [_GOOD, _GOOD])


async def test_a_deadline_that_passes_during_the_refresh_is_told() -> None:
    source, inner = Source(_GOOD), Inner(401)
    deadline = asyncio.get_running_loop().time() + 0.02
    with pytest.raises(DeadlineExceeded) as caught:
        await Authenticate(source, lambda: 0.0, CAPS, inner).send(_exchange(deadline))
    assert (inner.sent, caught.value.processed) == ([_GOOD], False)


async def test_a_refresh_that_fails_is_the_answer() -> None:
    source, inner = Source(_GOOD), Inner(401)
    source.error = CredentialUnavailable("the token endpoint is down", retry_after=4)
    with pytest.raises(CredentialUnavailable, match="is down"):
        await renewing(source, inner).send(_exchange())


async def test_a_caller_that_leaves_during_the_refresh_sends_nothing_more() -> None:
    source, inner = Source(_GOOD), Inner(401)
    sending = asyncio.ensure_future(Authenticate(source, lambda: 0.0, CAPS, inner).send(_exchange()))
    await asyncio.wait_for(source.refreshing.wait(), 5)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert inner.sent == [_GOOD]


@pytest.mark.parametrize("content", [FedContent(b"ab", b"cd"), WholeRequest(b"abcd")], ids=["streamed", "whole"])
async def test_content_is_sent_again_from_its_start(content: FedContent) -> None:
    source, inner, exchange = Source(_GOOD), Inner(401), _exchange()
    exchange.content = content
    response = await renewing(source, inner).send(exchange)
    assert (response.status, inner.contents) == (200, [b"abcd", b"abcd"])


async def test_content_that_a_stage_around_keeps_is_not_kept_twice() -> None:
    source, inner, exchange = Source(_GOOD), Inner(401), _exchange()
    replay = Replay(FedContent(b"ab", b"cd"), CAPS)
    exchange.content = replay.attempt()
    await renewing(source, inner).send(exchange)
    assert inner.contents == [b"abcd", b"abcd"]


async def test_content_past_the_cap_is_sent_once_and_the_next_request_has_a_fresh_credential() -> None:
    source, inner, exchange = Source(_GOOD), Inner(401), _exchange()
    exchange.content = FedContent(b"x" * 10, b"y" * 10)
    response = await renewing(source, inner).send(exchange)
    assert (response.status, len(inner.contents), source.rejected) == (401, 1, [_GOOD])
    assert not exchange.replayable


async def test_content_is_not_kept_where_no_fresh_credential_can_be_had() -> None:
    source, inner, exchange = Source(_GOOD), Inner(), _exchange()
    source.renews = False
    exchange.content = content = FedContent(b"x" * 10, b"y" * 10)
    await renewing(source, inner).send(exchange)
    assert (exchange.content, exchange.replayable) == (content, True)


async def test_content_that_a_stage_further_in_has_read_ahead_is_sent_again() -> None:
    inner = Inner(401)

    class ReadingAhead:
        async def send(self, exchange: Exchange) -> Response:
            await hold(exchange, 100)
            return await inner.send(exchange)

    source, request = Source(_GOOD), _exchange()
    source.arrives.set()
    request.content = FedContent(b"abc", b"def")
    response = await Authenticate(source, lambda: 0.0, CAPS, ReadingAhead()).send(request)
    assert (response.status, inner.contents) == (200, [b"abcdef"] * 2)


class ChallengedSource(Source):
    """One whose upstream may ask for another proof, with status 401 and a field."""

    def challenged(self, response: Response) -> bool:
        return response.status == 401 and response.lines == [b"Prove: anew"]


_CHALLENGE = [b"Prove: anew"]


@pytest.mark.parametrize("content", [None, WholeRequest(b"abcdef"), FedContent(b"abc", b"def")])
async def test_another_proof_is_no_other_credential(content: FedContent | None) -> None:
    source, inner, request = ChallengedSource(_GOOD), Inner(401, lines=_CHALLENGE), _exchange()
    source.renews = False
    request.content = content
    response = await Authenticate(source, lambda: 0.0, CAPS, inner).send(request)
    assert (response.status, inner.sent, request.refreshed) == (200, [_GOOD] * 2, False)
    assert (source.rejected, source.outcomes) == ([], [])
    assert content is None or inner.contents == [b"abcdef"] * 2


async def test_another_proof_is_asked_for_once_and_never_costs_the_credential() -> None:
    source, inner = ChallengedSource(_GOOD), Inner(401, 401, lines=_CHALLENGE)
    source.arrives.set()
    response = await Authenticate(source, lambda: 0.0, CAPS, inner).send(_exchange())
    assert (response.status, inner.sent) == (401, [_GOOD] * 2)
    assert not source.refreshing.is_set()


async def test_a_challenge_to_content_that_is_not_kept_passes_and_the_credential_stays() -> None:
    source, inner, request = ChallengedSource(_GOOD), Inner(401, lines=_CHALLENGE), _exchange()
    request.content = FedContent(b"x" * 20, length=20)
    response = await Authenticate(source, lambda: 0.0, CAPS, inner).send(request)
    assert (response.status, len(inner.sent), source.rejected) == (401, 1, [])


async def test_an_ended_credential_is_replaced_after_another_proof_was_asked_for() -> None:
    answers = [Response(401, b"", _CHALLENGE), Response(401, b"", []), Response(401, b"", _CHALLENGE)]
    sent = []

    class Asking:
        async def send(self, exchange: Exchange) -> Response:
            sent.append(exchange.injection)
            return answers.pop(0) if answers else Response(200, b"", [])

    source, request = ChallengedSource(_GOOD), _exchange()
    source.arrives.set()
    response = await Authenticate(source, lambda: 0.0, CAPS, Asking()).send(request)
    assert (response.status, sent) == (200, [_GOOD, _GOOD, _FRESH, _FRESH])
    assert (request.refreshed, source.outcomes) == (True, [(_FRESH, True)])
