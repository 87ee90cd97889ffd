"""One answer's content, read by several: everybody gets all of it or learns that it did not."""

import asyncio
import gc
from collections.abc import Awaitable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import OutriderError, Overloaded, UpstreamDisconnected
from proxy.stages.shared_content import ByteBudget, LentContent, Reader, SharedContent

PIECE = 64 * 1024


class Source:
    """The upstream's content: what is fed to it, until `end`."""

    def __init__(self, length: int | None = None) -> None:
        self.length = length
        self.complete = False
        self.closed = False
        self.reads = 0
        self._arrived: asyncio.Queue[bytes | OutriderError] = asyncio.Queue()

    def feed(self, *pieces: bytes | OutriderError) -> None:
        for piece in pieces:
            self._arrived.put_nowait(piece)

    def end(self) -> None:
        self.feed(b"")

    def take(self) -> bytes | None:
        return None

    async def read(self) -> bytes:
        self.reads += 1
        piece = await self._arrived.get()
        if isinstance(piece, OutriderError):
            raise piece
        return piece

    def close(self) -> None:
        self.closed = True


class Sharing:
    """A shared content with its source and what is noted of it."""

    def __init__(self, cap: int = 10**6, total: int = 10**7, patience: float = 60.0) -> None:
        self.source = Source()
        self.budget = ByteBudget(total)
        self.shared = SharedContent(self.source, cap, self.budget, patience)
        self.closed = 0
        self.whole: bytes | None = None
        self.shared.on_closed = self._note

    def _note(self) -> None:
        self.closed += 1
        self.whole = self.shared.whole


async def all_of(reader: Reader) -> bytes:
    pieces = []
    while piece := await reader.read():
        pieces.append(piece)
    reader.close()
    return b"".join(pieces)


async def soon(awaitable: Awaitable[bytes]) -> bytes:
    return await asyncio.wait_for(awaitable, 5)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_everybody_gets_everything_and_the_source_is_read_once() -> None:
    sharing = Sharing()
    readers = [sharing.shared.join() for _ in range(5)]
    sharing.source.feed(b"one", b"two")
    sharing.source.end()
    assert await asyncio.gather(*(soon(all_of(reader)) for reader in readers)) == [b"onetwo"] * 5
    assert sharing.source.reads == 3
    assert sharing.source.closed


async def test_a_piece_reaches_everybody_before_the_next_has_come() -> None:
    sharing = Sharing()
    readers = [sharing.shared.join() for _ in range(3)]
    for piece in (b"first", b"second"):
        reading = [asyncio.ensure_future(reader.read()) for reader in readers]
        await settle()
        sharing.source.feed(piece)
        assert await asyncio.gather(*map(soon, reading)) == [piece] * 3


async def test_who_joins_late_reads_from_the_beginning() -> None:
    sharing = Sharing()
    first = sharing.shared.join()
    sharing.source.feed(b"one")
    assert await soon(first.read()) == b"one"
    late = sharing.shared.join()
    sharing.source.feed(b"two")
    sharing.source.end()
    assert await asyncio.gather(soon(all_of(first)), soon(all_of(late))) == [b"two", b"onetwo"]


async def test_a_failure_reaches_everybody_after_what_came_before_it() -> None:
    sharing = Sharing()
    readers = [sharing.shared.join() for _ in range(3)]
    sharing.source.feed(b"one", UpstreamDisconnected("cut"))
    for reader in readers:
        assert await soon(reader.read()) == b"one"
    errors = []
    for reader in readers:
        with pytest.raises(UpstreamDisconnected) as raised:
            await soon(reader.read())
        errors.append(raised.value)
    assert len({id(error) for error in errors}) == 3
    assert (sharing.closed, sharing.whole) == (1, None)


async def test_when_who_reads_for_all_is_cancelled_another_goes_on() -> None:
    sharing = Sharing()
    first, second = sharing.shared.join(), sharing.shared.join()
    pulling = asyncio.ensure_future(first.read())
    await settle()
    waiting = asyncio.ensure_future(second.read())
    await settle()
    pulling.cancel()
    await settle()
    first.close()
    sharing.source.feed(b"one")
    assert await soon(waiting) == b"one"
    assert not sharing.source.closed


async def test_the_last_one_to_leave_closes_the_source_and_gives_its_bytes_back() -> None:
    sharing = Sharing()
    first, second = sharing.shared.join(), sharing.shared.join()
    sharing.source.feed(b"one")
    await soon(first.read())
    first.close()
    first.close()
    assert not sharing.source.closed
    second.close()
    assert sharing.source.closed
    assert (sharing.closed, sharing.whole, sharing.budget.used) == (1, None, 0)


async def test_a_reader_that_was_closed_never_sees_an_end() -> None:
    sharing = Sharing()
    reader = sharing.shared.join()
    reader.close()
    with pytest.raises(UpstreamDisconnected):
        await soon(reader.read())


async def test_all_of_it_is_there_when_it_has_ended_within_the_cap() -> None:
    sharing = Sharing()
    reader = sharing.shared.join()
    sharing.source.feed(b"one", b"two")
    sharing.source.end()
    await soon(all_of(reader))
    assert (sharing.closed, sharing.whole, sharing.budget.used) == (1, b"onetwo", 0)


async def test_past_the_cap_nobody_joins_and_only_what_is_not_taken_is_held() -> None:
    sharing = Sharing(cap=1000)
    reader = sharing.shared.join()
    for _ in range(10):
        sharing.source.feed(bytes(600))
        await soon(reader.read())
        assert sharing.shared.size <= 1400
    assert not sharing.shared.open
    assert (sharing.closed, sharing.whole, sharing.shared.size) == (1, None, 0)


async def test_past_the_cap_who_is_ahead_waits_for_the_slowest() -> None:
    sharing = Sharing(cap=1000)
    fast, slow = sharing.shared.join(), sharing.shared.join()
    sharing.source.feed(*(bytes([n]) * 600 for n in range(4)))
    sharing.source.end()
    ahead = asyncio.ensure_future(all_of(fast))
    await settle()
    assert sharing.source.reads == 2
    assert await soon(slow.read()) == bytes(600)
    await settle()
    assert sharing.source.reads == 3
    rest = asyncio.ensure_future(all_of(slow))
    assert len(await soon(ahead)) == 2400
    assert len(await soon(rest)) == 1800
    assert sharing.budget.used == 0


async def test_who_takes_nothing_while_others_wait_is_given_up_and_knows() -> None:
    sharing = Sharing(cap=1000, patience=0.05)
    fast, slow = sharing.shared.join(), sharing.shared.join()
    sharing.source.feed(*(bytes(600) for _ in range(4)))
    sharing.source.end()
    assert len(await soon(all_of(fast))) == 2400
    with pytest.raises(Overloaded):
        await soon(slow.read())
    slow.close()
    assert sharing.budget.used == 0


async def test_who_leaves_lets_those_who_waited_for_it_go_on() -> None:
    sharing = Sharing(cap=1000)
    fast, slow = sharing.shared.join(), sharing.shared.join()
    sharing.source.feed(*(bytes(600) for _ in range(4)))
    sharing.source.end()
    ahead = asyncio.ensure_future(all_of(fast))
    await settle()
    slow.close()
    assert len(await soon(ahead)) == 2400


async def test_answers_together_hold_no_more_than_the_budget() -> None:
    sharing = Sharing(cap=10**6, total=1000)
    reader = sharing.shared.join()
    sharing.source.feed(bytes(600), bytes(600))
    await soon(reader.read())
    assert sharing.shared.open
    await soon(reader.read())
    assert not sharing.shared.open
    assert sharing.budget.used == 0


async def test_nobody_is_handed_a_large_piece() -> None:
    sharing = Sharing()
    reader = sharing.shared.join()
    sharing.source.feed(b"x" * (3 * PIECE + 1))
    sizes = [len(await soon(reader.read())) for _ in range(4)]
    assert sizes == [PIECE, PIECE, PIECE, 1]


async def test_a_shared_content_leaves_no_task_and_no_timer() -> None:
    before = asyncio.all_tasks()
    sharing = Sharing(cap=1000)
    fast, slow = sharing.shared.join(), sharing.shared.join()
    sharing.source.feed(*(bytes(600) for _ in range(4)))
    waiting = asyncio.ensure_future(all_of(fast))
    await settle()
    waiting.cancel()
    await asyncio.wait((waiting,))
    fast.close()
    slow.close()
    gc.collect()
    assert asyncio.all_tasks() == before
    assert sharing.source.closed


def test_lent_content_small_enough_is_there_at_once() -> None:
    content = LentContent(b"x" * PIECE)
    assert content.take() == b"x" * PIECE
    assert content.complete


async def test_large_lent_content_comes_in_pieces() -> None:
    content = LentContent(b"x" * PIECE + b"y")
    assert content.take() is None
    assert [await content.read() for _ in range(3)] == [b"x" * PIECE, b"y", b""]


STEPS = st.lists(
    st.tuples(st.sampled_from(["feed", "read", "join", "leave", "cancel"]), st.integers(0, 3), st.integers(1, 900)),
    max_size=60,
)


@given(STEPS, st.booleans())
def test_whatever_happens_everybody_reads_a_beginning_of_the_same_bytes(
    steps: list[tuple[str, int, int]], fails: bool
) -> None:
    """Feeds, reads, joins, leaves and cancellations in any order, against one plain string of bytes."""
    asyncio.run(_drive(steps, fails))


async def _drive(steps: list[tuple[str, int, int]], fails: bool) -> None:
    sharing = Sharing(cap=1500)
    fed, number = b"", 0
    readers: dict[Reader, bytearray] = {sharing.shared.join(): bytearray()}
    reading: dict[Reader, asyncio.Task[bytes]] = {}

    async def collect(reader: Reader) -> bytes:
        piece = await reader.read()
        readers[reader] += piece
        return piece

    for step, index, size in steps:
        chosen = list(readers)[index % len(readers)] if readers else None
        if step == "feed":
            number += 1
            fed += bytes([number % 256]) * size
            sharing.source.feed(bytes([number % 256]) * size)
        elif step == "join" and sharing.shared.open:
            readers[sharing.shared.join()] = bytearray()
        elif chosen is not None and step == "read" and (chosen not in reading or reading[chosen].done()):
            reading[chosen] = asyncio.ensure_future(collect(chosen))
        elif chosen is not None and step == "cancel" and chosen in reading:
            reading[chosen].cancel()
        elif chosen is not None and step == "leave":
            if chosen in reading:
                reading[chosen].cancel()
                await asyncio.wait((reading[chosen],))
            chosen.close()
            del readers[chosen]
        await settle()
        assert all(fed.startswith(bytes(read)) for read in readers.values())
        assert sharing.shared.size <= 1500 + 900 + 64 * 100
    if sharing.source.closed:
        assert not readers
        return
    sharing.source.feed(UpstreamDisconnected("cut") if fails else b"")
    for task in reading.values():
        task.cancel()
    await asyncio.gather(*reading.values(), return_exceptions=True)
    rests = await asyncio.wait_for(asyncio.gather(*map(all_of, readers), return_exceptions=True), 5)
    for read, rest in zip(readers.values(), rests, strict=True):
        if fails:
            assert isinstance(rest, UpstreamDisconnected)
        else:
            assert isinstance(rest, bytes)
            assert bytes(read) + rest == fed
    for reader in readers:
        reader.close()
    assert sharing.budget.used == 0
