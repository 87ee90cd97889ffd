import pytest

from proxy.errors import DeadlineExceeded
from proxy.message import Exchange, Response
from proxy.stages.deadline import Deadline


class Next:
    def __init__(self) -> None:
        self.seen: list[list[tuple[bytes, bytes]]] = []

    async def send(self, exchange: Exchange) -> Response:
        self.seen.append(list(exchange.fields))
        return Response(200, b"", [])


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def exchange(deadline: float | None, *fields: tuple[bytes, bytes]) -> Exchange:
    made = Exchange("GET", b"/", list(fields), b"id", 0.0)
    if deadline is not None:
        made.deadline = deadline
    return made


async def test_each_attempt_is_told_what_is_left_by_then() -> None:
    inner, time = Next(), Time()
    stage = Deadline("X-Time-Left", time, inner)
    request = exchange(102.5, (b"x-time_left", b"999"), (b"x-a", b"b"))
    await stage.send(request)
    time.now = 101.0
    await stage.send(request)
    assert inner.seen == [
        [(b"x-a", b"b"), (b"X-Time-Left", b"2500")],
        [(b"x-a", b"b"), (b"X-Time-Left", b"1500")],
    ]


async def test_a_request_without_a_deadline_goes_on_as_it_came() -> None:
    inner = Next()
    await Deadline("X-Time-Left", Time(), inner).send(exchange(None, (b"x-time-left", b"999")))
    assert inner.seen == [[(b"x-time-left", b"999")]]


async def test_a_request_whose_time_is_over_is_not_sent() -> None:
    inner = Next()
    with pytest.raises(DeadlineExceeded) as caught:
        await Deadline("X-Time-Left", Time(), inner).send(exchange(100.0))
    assert not caught.value.processed
    assert inner.seen == []
