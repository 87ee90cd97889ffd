import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import InternalError
from proxy.message import RequestContent, Response
from proxy.stages.replay import Replay, WholeReplay
from proxy.stages.spool import SpoolCaps
from tests.stages.contents import FedContent, WholeRequest

CAPS = SpoolCaps(10, 100)


async def rest(content: RequestContent) -> bytes:
    whole = content.take()
    if whole is not None:
        return whole
    data = b""
    while piece := await content.read():
        data += piece
    return data


async def test_content_that_came_with_its_head_is_handed_over_whole_each_time() -> None:
    replay = Replay(WholeRequest(b"abc"), CAPS)
    assert [replay.attempt().take() for _ in range(3)] == [b"abc"] * 3
    assert replay.replayable


@pytest.mark.parametrize("data", [b"", b"abc"])
async def test_content_that_is_whole_is_each_attempts_by_either_way_of_reading(data: bytes) -> None:
    replay = WholeReplay(WholeRequest(data), data)
    for _ in range(2):
        assert replay.attempt().take() == data
        assert await replay.read() == b""
        attempt = replay.attempt()
        assert await attempt.read() == data
        assert await attempt.read() == b""


async def test_each_attempt_reads_from_the_start_what_the_caller_sent_once() -> None:
    source = FedContent(b"abc", b"def")
    replay = Replay(source, CAPS)
    assert [await rest(replay.attempt()) for _ in range(3)] == [b"abcdef"] * 3
    assert source.reads == 3


async def test_an_attempt_streams_while_the_caller_still_sends() -> None:
    source = FedContent()
    attempt = Replay(source, CAPS).attempt()
    source.feed(b"one")
    assert await attempt.read() == b"one"
    reading = asyncio.ensure_future(attempt.read())
    await asyncio.sleep(0)
    assert not reading.done()
    source.feed(b"two")
    assert await reading == b"two"


async def test_an_attempt_after_one_that_was_given_up_halfway_goes_on_with_the_caller() -> None:
    source = FedContent()
    replay = Replay(source, CAPS)
    first = replay.attempt()
    source.feed(b"one")
    assert await first.read() == b"one"
    given_up = asyncio.ensure_future(first.read())
    await asyncio.sleep(0)
    second = replay.attempt()
    reading = asyncio.ensure_future(rest(second))
    await asyncio.sleep(0)
    given_up.cancel()
    source.feed(b"two")
    source.end()
    assert await reading == b"onetwo"


async def test_a_cancelled_wait_for_the_reader_before_leaves_the_others_waiting() -> None:
    source = FedContent()
    replay = Replay(source, CAPS)
    readers = [asyncio.ensure_future(replay.attempt().read()) for _ in range(3)]
    await asyncio.sleep(0)
    readers[1].cancel()
    await asyncio.sleep(0)
    source.feed(b"one")
    assert await readers[0] == b"one"
    assert await readers[2] == b"one"


async def test_past_the_cap_the_content_goes_on_once() -> None:
    source = FedContent(b"a" * 60, b"b" * 60)
    replay = Replay(source, CAPS)
    assert len(await rest(replay.attempt())) == 120
    assert not replay.replayable


async def test_content_that_is_announced_too_large_is_not_kept_but_may_still_begin_again() -> None:
    replay = Replay(FedContent(b"a" * 60, b"b" * 60, length=120), CAPS)
    replay.attempt()
    assert replay.replayable
    attempt = replay.attempt()
    await attempt.read()
    assert not replay.replayable


async def test_no_place_on_the_disk_lets_the_content_go_on_once(tmp_path: Path) -> None:
    replay = Replay(FedContent(b"a" * 60), SpoolCaps(10, 100, tmp_path / "not there"))
    assert await rest(replay.attempt()) == b"a" * 60
    assert not replay.replayable


async def test_what_was_not_kept_is_never_read_as_if_it_were_nothing() -> None:
    replay = Replay(FedContent(b"a" * 120), CAPS)
    await rest(replay.attempt())
    with pytest.raises(InternalError):
        await replay.attempt().read()


async def test_once_the_answer_is_there_nothing_more_is_kept() -> None:
    source = FedContent()
    replay = Replay(source, CAPS)
    attempt = replay.attempt()
    source.feed(b"one")
    await attempt.read()
    replay.settle(Response(200, b"", []))
    source.feed(b"two")
    source.end()
    assert await rest(attempt) == b"two"
    assert not replay.replayable


class _Coming:
    """The content of an answer that is still arriving."""

    length: int | None = None
    complete = False

    def take(self) -> bytes | None:
        return None

    async def read(self) -> bytes:
        return b""

    def close(self) -> None:
        return None


async def test_an_attempt_that_still_repeats_may_end_after_its_answer_has_begun() -> None:
    replay = Replay(FedContent(b"a" * 60), CAPS)
    await rest(replay.attempt())
    attempt = replay.attempt()
    response = Response(200, b"", [], _Coming())
    replay.settle(response)
    assert await rest(attempt) == b"a" * 60
    response.close()
    assert not replay.replayable


async def test_a_caller_that_waits_is_told_by_any_attempt() -> None:
    source = FedContent(b"abc")
    Replay(source, CAPS).attempt().proceed()
    assert source.proceeded == 1


@given(
    st.lists(st.binary(min_size=1, max_size=30), max_size=8),
    st.lists(st.integers(0, 9), max_size=5),
    st.integers(0, 40),
)
async def test_wherever_attempts_break_off_the_last_reads_everything(
    pieces: list[bytes], stops: list[int], memory: int
) -> None:
    source = FedContent(*pieces)
    if not pieces:
        source.end()
    replay = Replay(source, SpoolCaps(memory, 1000))
    for stop in stops:
        attempt = replay.attempt()
        for _ in range(stop):
            await attempt.read()
    assert await rest(replay.attempt()) == b"".join(pieces)
    replay.close()
