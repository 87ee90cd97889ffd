import gzip
from collections.abc import AsyncIterator

import pytest

from proxy import message
from proxy.errors import InterceptorFailed, UpstreamDisconnected
from proxy.intercept import Response, TooLarge
from proxy.message.whole import WholeContent
from tests.stages.next_stage import Arriving
from tests.stages.test_normalize import Pieces


def received(content: message.ResponseContent, *lines: bytes, cap: int = 1000) -> Response:
    made = Response.received(message.Response(200, b"OK", list(lines), content))
    made.enter("mine", cap)
    return made


async def content_of(made: Response) -> bytes:
    content = made.settled().content
    whole = content.take()
    if whole is not None:
        return whole
    pieces = []
    while piece := await content.read():
        pieces.append(piece)
    return b"".join(pieces)


async def test_what_is_not_touched_goes_as_it_came() -> None:
    inner = message.Response(404, b"Nope", [b"X-A:  b"], Arriving())
    made = Response.received(inner)
    assert (made.status, made.fields["x-a"]) == (404, "b")
    assert made.settled() is inner
    assert (inner.lines, inner.reason) == ([b"X-A:  b"], b"Nope")


async def test_lines_that_others_share_are_not_changed_in_place() -> None:
    lines = [b"X-A: b"]
    made = Response.received(message.Response(200, b"", lines, Arriving()))
    made.fields["X-A"] = "c"
    assert (made.settled().lines, lines) == ([b"X-A: c"], [b"X-A: b"])


async def test_content_that_is_read_is_still_sent() -> None:
    made = received(Pieces(b"ab", b"cd", b""))
    assert (await made.read(), await made.read()) == (b"abcd", b"abcd")
    assert await content_of(made) == b"abcd"


async def test_compressed_content_is_read_plain_and_sent_as_it_came() -> None:
    packed = gzip.compress(b'{"a": 1}')
    made = received(WholeContent(packed), b"Content-Encoding: gzip")
    assert await made.json() == {"a": 1}
    assert await content_of(made) == packed


async def test_content_over_the_cap_is_told_and_still_sent() -> None:
    made = received(Pieces(b"abcd", b"efgh", b"ij", b""), cap=5)
    with pytest.raises(TooLarge):
        await made.read()
    assert await content_of(made) == b"abcdefghij"
    whole = received(WholeContent(b"abcdefgh"), cap=5)
    with pytest.raises(TooLarge):
        await whole.read()
    assert await content_of(whole) == b"abcdefgh"


async def test_replaced_content_lets_the_upstreams_go_with_its_description() -> None:
    content = Pieces(b"x")
    made = received(content, b"Content-Encoding: br", b"X-A: b")
    made.replace(b"new")
    assert content.closed
    assert (await content_of(made), made.settled().lines) == (b"new", [b"X-A: b"])


async def shout(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        yield b""
        yield piece.upper()


async def test_content_may_be_changed_while_it_passes() -> None:
    made = received(Pieces(b"ab", b"cd", b""))
    made.transform(shout)
    content = made.settled().content
    assert (content.length, content.take(), content.complete) == (None, None, False)
    assert (await content_of(made), content.complete) == (b"ABCD", True)


async def test_what_is_changed_while_it_passes_can_be_given_up() -> None:
    source = Pieces(b"ab")
    made = received(source)
    made.transform(shout)
    made.settled().content.close()
    assert source.closed
    assert await made.settled().content.read() == b""


async def test_a_change_that_fails_is_the_interceptors_fault() -> None:
    async def fail(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            yield piece
            raise KeyError("secret")

    made = received(Pieces(b"ab", b"cd", b""))
    made.transform(fail)
    content = made.settled().content
    assert await content.read() == b"ab"
    with pytest.raises(InterceptorFailed) as failed:
        await content.read()
    assert "mine failed in the middle" in failed.value.detail
    assert "secret" not in failed.value.detail


async def test_an_answer_that_breaks_off_is_the_upstreams_fault() -> None:
    made = received(Pieces(b"ab", UpstreamDisconnected("gone")))
    made.transform(shout)
    content = made.settled().content
    await content.read()
    with pytest.raises(UpstreamDisconnected):
        await content.read()


async def test_an_answer_of_ones_own_is_whole() -> None:
    made = Response.of_json({"a": "ä"}, 418, {"X-A": "b"})
    assert made.settled().lines == [b"Content-Type: application/json", b"X-A: b"]
    assert (made.status, await made.json(), await content_of(made)) == (418, {"a": "ä"}, '{"a": "ä"}'.encode())


@pytest.mark.parametrize("status", [0, 101, 199, 600])
def test_a_status_is_a_final_one(status: int) -> None:
    with pytest.raises(ValueError, match="from 200 to 599"):
        Response(status)
    with pytest.raises(ValueError, match="from 200 to 599"):
        Response().status = status
