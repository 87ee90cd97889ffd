import asyncio
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from proxy.config.log_model import Log
from proxy.errors import OutriderError, Overloaded, RateLimited, UpstreamTimeout
from proxy.message import Exchange
from proxy.observe.log import set_level
from proxy.observe.request_line import Ended, TextLine
from proxy.observe.request_log import RequestLog, open_request_log
from proxy.observe.sink import Sink
from tests.peers.captured import CapturedLog

Captured = Callable[..., CapturedLog]


@dataclass(frozen=True)
class Message:
    path: str = "/"


@dataclass
class Visit:
    """What the edge knows of a request that went well but for `error`."""

    error: OutriderError | None = None
    exchange: Exchange | None = None
    message: Message = Message()
    method: str = "GET"
    request_id: bytes = b"id"
    sent: int = 0
    cut: bool = False


def exchange(auth_wait: float = 0.0) -> Exchange:
    made = Exchange("GET", b"/", [], b"id", 0.0)
    made.auth_wait = auth_wait
    return made


class Book:
    """A log of requests on a clock that stands."""

    def __init__(self, policy: Log, shares: Iterator[float] | None = None) -> None:
        self.stream = io.StringIO()
        self.now = 1700000000.0
        share = (lambda: 0.0) if shares is None else (lambda: next(shares))
        sink = Sink(self.stream, str, repr)
        loop = asyncio.get_running_loop()
        self.log = RequestLog(policy, sink, TextLine(), loop, lambda: self.now, share)

    def note(self, status: int, error: OutriderError | None = None) -> None:
        self.log.note(Visit(error), status, 0.1, 0, "api")

    @property
    def written(self) -> int:
        return self.stream.getvalue().count("\n")


@pytest.mark.parametrize(
    ("status", "error"),
    [(499, None), (500, None), (504, UpstreamTimeout("x")), (429, RateLimited("x")), (200, UpstreamTimeout("cut"))],
)
async def test_with_errors_only_what_failed_has_a_line(
    captured: Captured, status: int, error: OutriderError | None
) -> None:
    captured()
    book = Book(Log(requests="errors"))
    book.note(200)
    book.note(404)
    assert book.written == 0
    book.note(status, error)
    assert book.written == 1


async def test_a_sample_is_taken_of_what_went_well_and_not_of_failures(captured: Captured) -> None:
    captured()
    book = Book(Log(sample=0.1), iter([0.05, 0.1, 0.5, 0.99]))
    for _ in range(4):
        book.note(200)
    assert book.written == 1
    book.note(503)
    assert book.written == 2


async def test_a_flood_is_cut_to_so_many_lines_a_second_and_told(captured: Captured) -> None:
    log = captured()
    book = Book(Log(max_rate=3))
    for _ in range(10):
        book.note(200)
    assert book.written == 3
    book.now += 1
    book.note(200)
    assert book.written == 4
    await asyncio.sleep(1.1)
    (line,) = log.lines
    assert (line["event.name"], line["outrider.left_out"]) == ("log.limited", 7)


async def test_a_flood_of_successes_hides_no_failure(captured: Captured) -> None:
    captured()
    book = Book(Log(max_rate=2))
    for _ in range(5):
        book.note(200)
    book.note(502)
    assert book.written == 3


async def test_a_clock_that_is_set_back_does_not_silence_the_log(captured: Captured) -> None:
    captured()
    book = Book(Log(max_rate=1))
    book.note(200)
    book.now -= 3600
    book.note(200)
    assert book.written == 2


async def test_zero_is_no_limit(captured: Captured) -> None:
    captured()
    book = Book(Log(max_rate=0))
    for _ in range(5000):
        book.note(200)
    assert book.written == 5000


async def test_the_level_counts_from_the_moment_it_is_changed(captured: Captured) -> None:
    captured()
    book = Book(Log())
    set_level("warning")
    book.note(200)
    assert book.written == 0
    book.note(502)
    set_level("info")
    book.note(200)
    assert book.written == 2


async def test_a_connection_that_is_turned_away_has_a_line(captured: Captured) -> None:
    captured()
    book = Book(Log(requests="errors"))
    book.log.refused(Overloaded("enough callers"))
    assert " warning OTHER  503 0.0 ms overloaded at " in book.stream.getvalue()


async def test_an_exchange_is_kept_only_if_it_has_more_to_tell(captured: Captured) -> None:
    captured()
    sink = Sink(io.StringIO(), str, repr)
    sink.start(asyncio.get_running_loop())
    log = RequestLog(Log(), sink, TextLine(), asyncio.get_running_loop())
    plain, waited = Visit(exchange=exchange()), Visit(exchange=exchange(auth_wait=0.5))
    log.note(plain, 200, 0.1, 0, "api")
    log.note(waited, 200, 0.1, 0, "api")
    kept = [Ended._make(ended).exchange for _, ended in sink._pending]
    assert kept == [None, waited.exchange]
    sink.stop()


async def test_without_lines_or_without_a_log_there_is_nothing_to_pay_for(captured: Captured) -> None:
    loop = asyncio.get_running_loop()
    assert open_request_log(Log(), {}, loop) is None
    captured()
    assert open_request_log(Log(requests="none"), {}, loop) is None
    assert open_request_log(Log(), {}, loop) is not None
