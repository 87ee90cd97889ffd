import gzip
from collections.abc import AsyncIterator

import pytest

from proxy.errors import BadRequest
from proxy.intercept import Request, TooLarge
from proxy.message import Exchange
from tests.intercept.made import exchange, request
from tests.stages.contents import FedContent, WholeRequest


def settled(made: Request, before: Exchange | None = None) -> Exchange:
    after = before or exchange()
    made.settle(after)
    return after


async def content_of(sent: Exchange) -> bytes:
    assert sent.content is not None
    pieces = []
    while piece := await sent.content.read():
        pieces.append(piece)
    return b"".join(pieces)


def test_what_is_not_touched_goes_as_it_came() -> None:
    before = exchange(b"/%7Ea?x=%zz", (b"X-A", b"b"))
    fields = before.fields
    made = Request(before, "api")
    assert (made.path, made.method, made.id, made.upstream) == ("/%7Ea", "GET", "id-1", "api")
    assert (made.query["x"], made.fields["x-a"]) == ("%zz", "b")
    settled(made, before)
    assert (before.path, before.fields is fields, before.rewritten) == (b"/%7Ea?x=%zz", True, None)


def test_path_and_query_change_apart() -> None:
    made = request(b"/a?b=c")
    made.path = "/v2/a"
    assert settled(made).path == b"/v2/a?b=c"
    made = request(b"/a?b=c")
    del made.query["b"]
    assert settled(made).path == b"/a"


@pytest.mark.parametrize("path", ["", "a", "/a b", "/a?b", "/a#b", "/ä", "/a\r\nX: y"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="a path begins with /"):
        request().path = path


def test_fields_that_are_put_in_are_a_part_of_what_makes_requests_identical() -> None:
    before = exchange(b"/", (b"X-A", b"1"), (b"X-B", b"2"))
    made = Request(before, "api")
    made.fields["X-A"] = "3"
    made.fields.remove("X-B")
    assert settled(made, before).fields == [(b"X-A", b"3")]
    assert before.rewritten == ((b"X-A", b"3"),)


async def test_content_that_is_read_is_still_sent() -> None:
    made = request(content=FedContent(b"ab", b"cd"))
    assert (await made.read(), await made.read()) == (b"abcd", b"abcd")
    assert await content_of(settled(made)) == b"abcd"


async def test_compressed_content_is_read_plain_and_sent_as_it_came() -> None:
    packed = gzip.compress(b'{"a": 1}')
    made = request(b"/", (b"Content-Encoding", b"gzip"), content=WholeRequest(packed))
    assert await made.json() == {"a": 1}
    assert await content_of(settled(made)) == packed


async def test_content_over_the_cap_is_told_and_still_sent() -> None:
    made = request(content=FedContent(b"abcd", b"efgh", b"ij"), cap=5)
    with pytest.raises(TooLarge):
        await made.read()
    assert await content_of(settled(made)) == b"abcdefghij"


async def test_content_that_unfolds_over_the_cap_is_told() -> None:
    made = request(b"/", (b"Content-Encoding", b"gzip"), content=WholeRequest(gzip.compress(bytes(10**6))), cap=2000)
    with pytest.raises(TooLarge):
        await made.read()


async def test_a_coding_that_is_not_known_is_no_text() -> None:
    made = request(b"/", (b"Content-Encoding", b"br"), content=WholeRequest(b"x"))
    with pytest.raises(ValueError, match="ask for identity"):
        await made.read()


async def test_replaced_content_takes_its_description_with_it() -> None:
    made = request(b"/", (b"Content-Encoding", b"gzip"), (b"Content-Digest", b"x"), content=FedContent(b"a"))
    made.replace_json({"ä": 1})
    sent = settled(made)
    assert await made_length(sent) == len('{"ä": 1}'.encode())
    assert sent.fields == [(b"Content-Type", b"application/json")]


async def made_length(sent: Exchange) -> int | None:
    assert sent.content is not None
    return sent.content.length


async def shout(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        yield piece.upper()
    yield b"!"


async def test_content_may_be_changed_while_it_passes() -> None:
    fed = FedContent(b"ab", b"cd", length=4)
    made = request(content=fed)
    made.transform(shout)
    sent = settled(made)
    assert fed.reads == 0
    assert (await made_length(sent), await content_of(sent)) == (None, b"ABCD!")


async def test_a_caller_whose_content_breaks_off_is_told_so() -> None:
    class Broken(FedContent):
        async def read(self) -> bytes:
            raise BadRequest("cut off")

    with pytest.raises(BadRequest):
        await request(content=Broken()).read()


async def test_without_content_there_is_nothing_to_read() -> None:
    made = request()
    assert (made.has_content, await made.read()) == (False, b"")


def test_values_are_not_in_its_representation() -> None:
    assert "secret" not in repr(request(b"/?key=secret", (b"Authorization", b"secret")))


def test_nothing_of_what_the_stages_put_on_a_request_can_be_reached() -> None:
    before = exchange()
    made = Request(before, "api")
    settled(made, before)

    class Injection:
        lines, query, cookie = b"Authorization: secret\r\n", b"", b""

    before.injection = Injection()
    assert made._own.injection is None
