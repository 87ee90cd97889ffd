import asyncio

import pytest

from proxy.errors import UpstreamDisconnected
from proxy.upstream.content import HIGH_WATER, StreamedContent


class Flow:
    """The connection's verbs, written down."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def pause(self) -> None:
        self.said.append("pause")

    def resume(self) -> None:
        self.said.append("resume")

    def abort(self) -> None:
        self.said.append("abort")


def _content(length: int | None = None) -> tuple[StreamedContent, Flow]:
    flow = Flow()
    return StreamedContent(flow, length), flow


async def test_pieces_are_read_together_in_their_order() -> None:
    content, _ = _content()
    content.feed(b"ab")
    content.feed(b"cd")
    content.finish()
    assert [await content.read(), await content.read(), await content.read()] == [b"abcd", b"", b""]


async def test_who_reads_waits_for_the_next_piece() -> None:
    content, _ = _content()
    reading = asyncio.ensure_future(content.read())
    await asyncio.sleep(0)
    assert not reading.done()
    content.feed(b"a")
    assert await reading == b"a"


async def test_what_has_arrived_is_read_before_the_error_is_told_again_and_again() -> None:
    content, _ = _content()
    content.feed(b"a")
    content.finish(UpstreamDisconnected("gone"))
    assert content.take() is None
    assert not content.complete
    assert await content.read() == b"a"
    for _ in range(2):
        with pytest.raises(UpstreamDisconnected):
            await content.read()


async def test_an_error_wakes_who_waits() -> None:
    content, _ = _content()
    reading = asyncio.ensure_future(content.read())
    await asyncio.sleep(0)
    content.finish(UpstreamDisconnected("gone"))
    with pytest.raises(UpstreamDisconnected):
        await reading


async def test_all_of_it_can_be_taken_only_when_it_is_whole() -> None:
    content, _ = _content(2)
    content.feed(b"a")
    assert content.take() is None
    content.feed(b"b")
    content.finish()
    assert content.complete
    assert content.take() == b"ab"


async def test_the_connection_stops_at_the_high_water_mark_and_goes_on_once_it_was_read() -> None:
    content, flow = _content()
    content.feed(b"x" * (HIGH_WATER - 1))
    assert flow.said == []
    content.feed(b"x")
    content.feed(b"x")
    assert flow.said == ["pause"]
    assert len(await content.read()) == HIGH_WATER + 1
    assert flow.said == ["pause", "resume"]


async def test_a_connection_that_has_ended_is_not_told_to_go_on() -> None:
    content, flow = _content()
    content.feed(b"x" * HIGH_WATER)
    content.finish()
    await content.read()
    assert flow.said == ["pause"]


async def test_closing_early_ends_the_connection_once() -> None:
    content, flow = _content()
    content.close()
    content.close()
    assert flow.said == ["abort"]


async def test_closing_after_the_end_leaves_the_connection_alone() -> None:
    content, flow = _content()
    content.finish()
    content.close()
    assert flow.said == []


async def test_a_reader_that_is_cancelled_loses_nothing() -> None:
    content, _ = _content()
    reading = asyncio.ensure_future(content.read())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    content.feed(b"a")
    assert await content.read() == b"a"
