import asyncio

import pytest

from proxy.errors import UpstreamDisconnected
from proxy.message import Response
from proxy.message.whole import WholeContent
from proxy.stages import peek
from proxy.stages.peek import means_refusal
from proxy.upstream.content import StreamedContent


class Flow:
    """A connection that counts how often it was told to stop."""

    def __init__(self) -> None:
        self.paused = self.aborted = 0

    def pause(self) -> None:
        self.paused += 1

    def resume(self) -> None:
        return None

    def abort(self) -> None:
        self.aborted += 1


class Judge:
    """Knows after `enough` bytes; `seen` are the lengths that it was asked about."""

    def __init__(self, enough: int, verdict: bool) -> None:
        self.enough = enough
        self.answer = verdict
        self.seen: list[int] = []

    def verdict(self, content: bytes, *, whole: bool) -> bool | None:
        self.seen.append(len(content))
        return self.answer if whole or len(content) >= self.enough else None


def streamed(*pieces: bytes, length: int | None = None) -> tuple[Response, StreamedContent, Flow]:
    flow = Flow()
    content = StreamedContent(flow, length)
    for piece in pieces:
        content.feed(piece)
    return Response(200, b"", [], content), content, flow


async def all_of(response: Response) -> bytes:
    content = b""
    while piece := await response.content.read():
        content += piece
    return content


@pytest.mark.parametrize("verdict", [True, False])
async def test_a_whole_answer_is_judged_and_still_whole(verdict: bool) -> None:
    response = Response(200, b"", [], WholeContent(b"abc"))
    assert await means_refusal(response, Judge(99, verdict)) is verdict
    assert (response.content.complete, response.content.length) == (True, 3)
    assert response.content.take() == b"abc"
    assert await response.content.read() == b""


async def test_no_more_is_read_than_the_judge_wants_and_nothing_is_lost() -> None:
    response, content, _ = streamed(b"abcd")
    assert await means_refusal(response, Judge(4, False)) is False
    assert response.content.take() is None
    content.feed(b"efgh")
    content.finish()
    assert await all_of(response) == b"abcdefgh"


async def test_what_comes_in_pieces_is_judged_as_it_comes() -> None:
    response, content, _ = streamed(b"ab")
    judge = Judge(4, True)
    asking = asyncio.ensure_future(means_refusal(response, judge))
    await asyncio.sleep(0)
    content.feed(b"cd")
    assert await asking is True
    assert judge.seen == [2, 4]


async def test_an_answer_that_has_ended_meanwhile_is_complete() -> None:
    response, content, _ = streamed(b"ab")
    asking = asyncio.ensure_future(means_refusal(response, Judge(99, False)))
    await asyncio.sleep(0)
    content.finish()
    assert await asking is False
    assert response.content.complete
    assert response.content.take() == b"ab"


async def test_an_answer_that_trickles_is_passed_on_unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peek, "PATIENCE", 0.02)
    response, content, flow = streamed(b"ab")
    assert await means_refusal(response, Judge(99, True)) is False
    content.feed(b"cd")
    content.finish()
    assert (await all_of(response), flow.aborted) == (b"abcd", 0)


async def test_an_answer_that_breaks_off_meanwhile_is_a_failure_of_the_upstream() -> None:
    response, content, _ = streamed(b"ab")
    asking = asyncio.ensure_future(means_refusal(response, Judge(99, True)))
    await asyncio.sleep(0)
    content.finish(UpstreamDisconnected("gone"))
    with pytest.raises(UpstreamDisconnected):
        await asking


async def test_a_caller_that_leaves_meanwhile_gives_the_answer_up() -> None:
    response, _, flow = streamed(b"ab")
    asking = asyncio.ensure_future(means_refusal(response, Judge(99, True)))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert flow.aborted == 1
