import asyncio
from collections import Counter
from typing import Any, cast

import pytest

from proxy.clock import NEVER, CoarseTimer
from proxy.errors import DeadlineExceeded, Overloaded, UpstreamConnectFailed, UpstreamError
from proxy.upstream.connection import Limits, UpstreamConnection
from proxy.upstream.dial import Dialer
from proxy.upstream.pool import ConnectionPool
from tests.upstream.tools import GET, OK, Recorder, exchange

_LIMITS = Limits(1.0, 5.0, 5.0)


class Line(UpstreamConnection):
    """A connection without a socket; `noisy` stands for bytes that wait in the kernel's buffer."""

    noisy = False

    def is_quiet(self) -> bool:
        return not self.noisy and self.is_connected()

    def abort(self) -> None:
        super().abort()
        asyncio.get_running_loop().call_soon(self.connection_lost, None)

    def connection_lost(self, exc: Exception | None) -> None:
        """A loop says it once."""
        if self.transport is not None:
            super().connection_lost(exc)


class Dial:
    """Opens connections as the test says: at once, on `gate`, or not at all."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.timer = CoarseTimer(loop, 60.0)
        self.gate: asyncio.Event | None = None
        self.error: UpstreamError | None = None
        self.lines: list[Line] = []
        self.limits: list[float] = []
        self.calls: Counter[str] = Counter()

    async def dial(self, limit: float) -> UpstreamConnection:
        self.limits.append(limit)
        if self.gate is not None:
            try:
                await asyncio.wait_for(self.gate.wait(), limit)
            except TimeoutError:
                raise UpstreamConnectFailed("too slow") from None
        if self.error is not None:
            raise self.error
        line = Line(asyncio.get_running_loop(), self.timer)
        line.connection_made(cast(asyncio.BaseTransport, Recorder()))
        self.lines.append(line)
        return line

    def forget(self, connection: UpstreamConnection) -> None:
        self.calls["forget"] += 1

    async def close(self) -> None:
        self.calls["close"] += 1
        self.timer.close()


@pytest.fixture
async def dial() -> Dial:
    return Dial()


def _pool(dial: Dial, limit: int = 2, idle: float = 15.0) -> ConnectionPool:
    return ConnectionPool(cast(Dialer, dial), limit, idle, asyncio.get_running_loop())


async def _use(connection: UpstreamConnection) -> None:
    """One request with its answer: afterwards the connection is free."""
    asking = asyncio.ensure_future(connection.ask(GET, exchange(), _LIMITS))
    await asyncio.sleep(0)
    connection.data_received(OK)
    await asking


async def _turns(count: int = 4) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def _open(pool: ConnectionPool, limit: float = 5.0, deadline: float = NEVER) -> "asyncio.Task[Any]":
    return asyncio.ensure_future(pool.open(limit, deadline))


async def test_nothing_idle_is_nothing_to_take(dial: Dial) -> None:
    assert _pool(dial).take() is None


async def test_a_connection_comes_back_by_itself_and_the_last_used_goes_out_first(dial: Dial) -> None:
    pool = _pool(dial)
    first, second = await pool.open(1, NEVER), await pool.open(1, NEVER)
    await _use(first)
    await _use(second)
    assert [pool.take(), pool.take(), pool.take()] == [second, first, None]
    assert first.reused
    assert len(pool) == 2


async def test_a_connection_on_which_something_arrived_is_ended_and_not_taken(dial: Dial) -> None:
    pool = _pool(dial)
    quiet, noisy = await pool.open(1, NEVER), await pool.open(1, NEVER)
    await _use(quiet)
    await _use(noisy)
    dial.lines[1].noisy = True
    assert pool.take() is quiet
    await _turns()
    assert (len(pool), dial.calls["forget"]) == (1, 1)


async def test_an_idle_connection_that_ends_leaves_the_pool(dial: Dial) -> None:
    pool = _pool(dial)
    connection = await pool.open(1, NEVER)
    await _use(connection)
    connection.connection_lost(None)
    assert (len(pool), pool.take(), dial.calls["forget"]) == (0, None, 1)


async def test_an_idle_connection_is_kept_for_its_limit(dial: Dial) -> None:
    now = asyncio.get_running_loop().time()
    for idle, until in ((15.0, now + 15.0), (0.0, NEVER)):
        connection = await _pool(dial, idle=idle).open(1, NEVER)
        await _use(connection)
        assert connection.expire_at == pytest.approx(until, abs=1)


async def test_past_the_limit_a_request_waits_for_a_connection_that_comes_free(dial: Dial) -> None:
    pool = _pool(dial, 1)
    connection = await pool.open(1, NEVER)
    waiting = _open(pool)
    await _turns()
    assert not waiting.done()
    await _use(connection)
    assert await waiting is connection
    assert len(dial.lines) == 1


async def test_requests_wait_in_the_order_in_which_they_came(dial: Dial) -> None:
    pool = _pool(dial, 1)
    connection = await pool.open(1, NEVER)
    order: list[int] = []

    async def one(number: int) -> None:
        got = await pool.open(5, NEVER)
        order.append(number)
        await _use(got)

    waiting = [asyncio.ensure_future(one(number)) for number in range(4)]
    await _turns()
    await _use(connection)
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2, 3]


async def test_a_connection_on_which_something_arrived_is_never_handed_on(dial: Dial) -> None:
    pool = _pool(dial, 1)
    connection = await pool.open(1, NEVER)
    waiting = _open(pool)
    await _turns()
    dial.lines[0].noisy = True
    await _use(connection)
    handed = await asyncio.wait_for(waiting, 5)
    assert handed is dial.lines[1]
    assert len(pool) == 1


async def test_a_connection_that_ends_leaves_its_room_to_the_next_in_line(dial: Dial) -> None:
    pool = _pool(dial, 1)
    connection = await pool.open(1, NEVER)
    waiting = _open(pool)
    await _turns()
    connection.abort()
    assert await asyncio.wait_for(waiting, 5) is dial.lines[1]
    assert len(pool) == 1


async def test_nobody_slips_into_the_room_before_the_next_in_line(dial: Dial) -> None:
    pool = _pool(dial, 1)
    connection = await pool.open(1, NEVER)
    waiting = _open(pool)
    await _turns()
    connection.connection_lost(None)
    latecomer = _open(pool)
    assert await asyncio.wait_for(waiting, 5) is dial.lines[1]
    await _turns()
    assert not latecomer.done()
    assert (len(pool), len(dial.lines)) == (1, 2)
    await _use(dial.lines[1])
    assert await asyncio.wait_for(latecomer, 5) is dial.lines[1]


@pytest.mark.parametrize("how", ["free", "lost"])
async def test_what_was_handed_to_a_request_that_left_goes_to_the_next(dial: Dial, how: str) -> None:
    pool = _pool(dial, 1)
    connection = await pool.open(1, NEVER)
    leaving, staying = _open(pool), _open(pool)
    await _turns()
    if how == "free":
        await _use_now(connection)
    else:
        connection.connection_lost(None)
    leaving.cancel()
    got = await asyncio.wait_for(staying, 5)
    assert got is (connection if how == "free" else dial.lines[1])
    assert leaving.cancelled()
    assert len(pool) == 1


async def _use_now(connection: UpstreamConnection) -> None:
    """As `_use`, but without a turn of the loop after the connection came free."""
    asking = asyncio.ensure_future(connection.ask(GET, exchange(), _LIMITS))
    await asyncio.sleep(0)
    connection.data_received(OK)
    asking.add_done_callback(lambda task: task.result())


async def test_what_was_handed_to_the_only_request_that_left_is_idle_again(dial: Dial) -> None:
    pool = _pool(dial, 1)
    connection = await pool.open(1, NEVER)
    leaving = _open(pool)
    await _turns()
    await _use_now(connection)
    leaving.cancel()
    await _turns()
    assert pool.take() is connection


async def test_a_request_that_leaves_the_line_leaves_no_trace(dial: Dial) -> None:
    pool = _pool(dial, 1)
    connection = await pool.open(1, NEVER)
    leaving = _open(pool)
    await _turns()
    leaving.cancel()
    await _turns()
    await _use(connection)
    assert pool.take() is connection


async def test_a_wait_that_takes_too_long_is_refused(dial: Dial) -> None:
    pool = _pool(dial, 1)
    await pool.open(1, NEVER)
    with pytest.raises(Overloaded) as refused:
        await pool.open(0.02, NEVER)
    assert refused.value.retry_after == 1


async def test_a_wait_past_the_requests_deadline_says_so(dial: Dial) -> None:
    pool = _pool(dial, 1)
    await pool.open(1, NEVER)
    with pytest.raises(DeadlineExceeded):
        await pool.open(5, asyncio.get_running_loop().time() + 0.03)


async def test_a_connect_past_the_requests_deadline_says_so(dial: Dial) -> None:
    pool = _pool(dial, 1)
    dial.gate = asyncio.Event()
    with pytest.raises(DeadlineExceeded):
        await pool.open(5, asyncio.get_running_loop().time() + 0.03)
    with pytest.raises(UpstreamConnectFailed):
        await pool.open(0.03, NEVER)
    assert len(pool) == 0


async def test_a_deadline_that_has_passed_opens_nothing(dial: Dial) -> None:
    with pytest.raises(DeadlineExceeded):
        await _pool(dial).open(5, asyncio.get_running_loop().time() - 1)
    assert dial.limits == []


async def test_no_connect_limit_is_passed_on_as_none(dial: Dial) -> None:
    await _pool(dial).open(0, NEVER)
    assert dial.limits == [NEVER]


async def test_a_connect_that_fails_leaves_its_room_to_the_next_in_line(dial: Dial) -> None:
    pool = _pool(dial, 1)
    dial.gate, dial.error = asyncio.Event(), UpstreamConnectFailed("no")
    first, second = _open(pool), _open(pool)
    await _turns()
    assert len(pool) == 1
    dial.gate.set()
    for opening in (first, second):
        with pytest.raises(UpstreamConnectFailed):
            await asyncio.wait_for(opening, 5)
    assert len(pool) == 0


async def test_a_connect_that_is_cancelled_leaves_its_room(dial: Dial) -> None:
    pool = _pool(dial, 1)
    dial.gate = asyncio.Event()
    leaving, staying = _open(pool), _open(pool)
    await _turns()
    leaving.cancel()
    dial.gate.set()
    assert await asyncio.wait_for(staying, 5) is dial.lines[0]
    assert len(pool) == 1


async def test_there_are_never_more_connections_than_the_limit(dial: Dial) -> None:
    pool = _pool(dial, 3)
    most = 0

    async def one(number: int) -> None:
        nonlocal most
        connection = pool.take() or await pool.open(5, NEVER)
        most = max(most, len(pool), sum(line.is_connected() for line in dial.lines))
        await _use(connection)
        if number % 3 == 0:
            connection.abort()
        elif number % 5 == 0:
            connection.connection_lost(None)

    await asyncio.gather(*(one(number) for number in range(60)), return_exceptions=False)
    assert most == 3
    await _turns()
    assert len(pool) == sum(line.is_connected() for line in dial.lines)


async def test_a_closed_pool_ends_what_is_idle(dial: Dial) -> None:
    pool = _pool(dial)
    connection = await pool.open(1, NEVER)
    await _use(connection)
    await pool.close()
    await _turns()
    assert (len(pool), connection.is_connected(), dial.calls["close"]) == (0, False, 1)
