import asyncio
import json

import pytest

from proxy.errors import UpstreamDisconnected, UpstreamTimeout
from proxy.message import Exchange, Response
from proxy.message.whole import WholeContent
from proxy.policy.upstream_error import message_rule
from proxy.stages.normalize import Normalize, NormalizeRules
from tests.stages.next_stage import Arriving, exchange


class Answers:
    """The stage inside: gives the response that the test made."""

    def __init__(self, response: Response) -> None:
        self.response = response

    async def send(self, _: Exchange) -> Response:
        return self.response


class Pieces(Arriving):
    """Comes piece by piece; an exception is raised where it stands, and at the end nothing comes any more."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        super().__init__()
        self.pieces = list(pieces)

    async def read(self) -> bytes:
        if not self.pieces:
            await asyncio.Event().wait()
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece


def normalize(response: Response, cap: int = 100, wait: float = 5.0) -> Normalize:
    return Normalize(NormalizeRules("api", message_rule("message"), cap, wait), Answers(response))


async def sent(response: Response, cap: int = 100, wait: float = 5.0) -> Response:
    return await normalize(response, cap, wait).send(exchange())


def document(response: Response) -> dict[str, object]:
    made: dict[str, object] = json.loads(response.content.take() or b"")
    return made


@pytest.mark.parametrize("status", [101, 200, 204, 304, 399])
async def test_an_answer_below_400_is_not_touched_and_not_read(status: int) -> None:
    response = Response(status, b"", [], Pieces())
    assert await sent(response) is response


async def test_an_error_becomes_a_problem_with_the_same_status_and_reason() -> None:
    response = await sent(Response(404, b"Nope", [b"X-A: b"], WholeContent(b'{"message": "no order 7"}')))
    assert (response.status, response.reason) == (404, b"Nope")
    assert response.lines == [b"X-A: b", b"Content-Type: application/problem+json"]
    assert document(response)["detail"] == "no order 7"


async def test_what_comes_in_pieces_is_read_to_its_end_and_let_go() -> None:
    content = Pieces(b'{"mess', b'age": "no"}', b"")
    assert document(await sent(Response(500, b"", [], content)))["detail"] == "no"
    assert content.closed


async def test_what_is_over_the_cap_is_not_read_to_its_end() -> None:
    content = Pieces(b"x" * 60, b"y" * 60, b"z" * 60, b"")
    made = document(await sent(Response(500, b"", [], content)))
    assert made["upstream_error"] == "x" * 60 + "y" * 40
    assert content.pieces == [b"z" * 60, b""]
    assert content.closed


async def test_who_falls_silent_is_not_waited_for() -> None:
    content = Pieces(b"half")
    assert document(await sent(Response(500, b"", [], content), wait=0.01))["upstream_error"] == "half"
    assert content.closed


@pytest.mark.parametrize("failure", [UpstreamDisconnected("gone"), UpstreamTimeout("slow")])
async def test_an_error_that_breaks_off_is_still_that_error(failure: Exception) -> None:
    response = await sent(Response(503, b"", [], Pieces(b"half", failure)))
    assert (response.status, document(response)["upstream_error"]) == (503, "half")


async def test_a_caller_that_leaves_meanwhile_lets_the_answer_go() -> None:
    content = Pieces(b"half")
    task = asyncio.create_task(sent(Response(500, b"", [], content)))
    while content.pieces:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert content.closed
