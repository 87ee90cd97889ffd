import asyncio
from typing import Any, cast

import pytest

from proxy.errors import (
    ContentTooLarge,
    DeadlineExceeded,
    InterceptorFailed,
    OutriderError,
    RequestRefused,
    UpstreamTimeout,
)
from proxy.intercept import Failure, Refused, Request, Response
from proxy.message import Response as Answer
from tests.intercept.made import Inside, chain, exchange
from tests.stages.contents import FedContent
from tests.stages.next_stage import Arriving


class Noting:
    """Notes each of its calls, and does what `acts` says there."""

    def __init__(self, name: str, notes: list[str], **acts: Any) -> None:
        self.name, self.notes, self.acts = name, notes, acts

    def on_request(self, request: Request) -> Any:
        return self._note("on_request")

    async def on_response(self, request: Request, response: Response) -> Any:
        await asyncio.sleep(0)
        return self._note("on_response")

    def on_error(self, request: Request, error: Failure) -> Any:
        return self._note("on_error")

    def _note(self, method: str) -> Any:
        self.notes.append(f"{self.name}.{method}")
        act = self.acts.get(method)
        if isinstance(act, Exception):
            raise act
        return act


async def failing(stage: Any, **how: Any) -> OutriderError:
    with pytest.raises(OutriderError) as failed:
        await stage.send(exchange(**how))
    return failed.value


async def test_the_way_out_is_the_way_in_reversed() -> None:
    notes: list[str] = []
    await chain(Inside(), Noting("a", notes), Noting("b", notes)).send(exchange())
    assert notes == ["a.on_request", "b.on_request", "b.on_response", "a.on_response"]


async def test_who_answers_ends_the_way_in_there() -> None:
    notes: list[str] = []
    inside, own = Inside(), Response(418)
    stage = chain(inside, Noting("a", notes), Noting("b", notes, on_request=own), Noting("c", notes))
    answer = await stage.send(exchange())
    assert notes == ["a.on_request", "b.on_request", "a.on_response"]
    assert (answer.status, inside.seen) == (418, [])
    assert answer.lines == [b'Proxy-Status: outrider; interceptor="b"']


async def test_who_refuses_is_named_in_what_the_caller_is_told() -> None:
    notes: list[str] = []
    inside = Inside()
    stage = chain(inside, Noting("a", notes), Noting("b", notes, on_request=Refused("Closed on Sundays.")))
    error = await failing(stage)
    assert isinstance(error, RequestRefused)
    assert error.detail == "The interceptor b refused it: Closed on Sundays."
    assert (notes, inside.seen) == (["a.on_request", "b.on_request", "a.on_error"], [])


async def test_an_error_from_inside_may_become_an_answer() -> None:
    notes: list[str] = []
    stage = chain(Inside(UpstreamTimeout("slow")), Noting("a", notes), Noting("b", notes, on_error=Response(200)))
    assert (await stage.send(exchange())).status == 200
    assert notes == ["a.on_request", "b.on_request", "b.on_error", "a.on_response"]


async def test_an_error_that_nobody_answers_stays_itself() -> None:
    error = UpstreamTimeout("slow")
    assert await failing(chain(Inside(error), Noting("a", []))) is error


async def test_what_an_error_is_is_told() -> None:
    told: list[Failure] = []

    class Told:
        def on_error(self, request: Request, error: Failure) -> None:
            told.append(error)

    await failing(chain(Inside(UpstreamTimeout("slow", retry_after=3)), Told()))
    assert (told[0].code, told[0].status, told[0].retry_after) == ("upstream_timeout", 504, 3)
    assert (told[0].detail, told[0].stage, told[0].processed) == ("slow", "transport", True)


@pytest.mark.parametrize("method", ["on_request", "on_response"])
async def test_one_that_fails_fails_the_request_and_no_other_makes_an_answer_of_it(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    notes: list[str] = []
    inside = Inside(Answer(200, b"", [], content := Arriving()))
    outer = Noting("a", notes, on_error=Response(200))
    error = await failing(chain(inside, outer, Noting("b", notes, **{method: KeyError("secret")})))
    assert isinstance(error, InterceptorFailed)
    assert error.detail == f"The interceptor b failed, in {method}. Outrider's log has the trace."
    assert "a.on_error" not in notes
    assert [record.exc_info is not None for record in caplog.records] == [True]
    assert content.closed is (method == "on_response")


async def test_an_on_error_that_fails_is_named_too() -> None:
    error = await failing(chain(Inside(UpstreamTimeout("slow")), Noting("a", [], on_error=ValueError())))
    assert (type(error), "in on_error" in error.detail) == (InterceptorFailed, True)


async def test_an_answer_that_is_none_fails_with_its_type() -> None:
    error = await failing(chain(Inside(), Noting("a", [], on_request="yes")))
    assert error.detail == "The interceptor a answered with a str, not a Response or None, in on_request."


async def test_another_answer_lets_the_first_one_go() -> None:
    inside = Inside(Answer(200, b"", [], content := Arriving()))
    answer = await chain(inside, Noting("a", [], on_response=Response(203))).send(exchange())
    assert (answer.status, content.closed) == (203, True)


async def test_one_that_refuses_an_answer_lets_it_go() -> None:
    inside = Inside(Answer(200, b"", [], content := Arriving()))
    error = await failing(chain(inside, Noting("a", [], on_response=Refused("not this"))))
    assert (type(error), content.closed) == (RequestRefused, True)


class Waiting:
    """Never comes back by itself."""

    def __init__(self) -> None:
        self.began = asyncio.Event()

    async def on_response(self, request: Request, response: Response) -> None:
        self.began.set()
        await asyncio.Event().wait()


async def test_one_that_does_not_come_back_is_given_up_at_its_limit() -> None:
    inside = Inside(Answer(200, b"", [], content := Arriving()))
    error = await failing(chain(inside, Waiting(), timeout=0.01))
    assert isinstance(error, InterceptorFailed)
    assert (error.detail, content.closed) == ("The interceptor a took longer than 0.01 s.", True)


async def test_the_requests_deadline_holds_an_interceptor_too() -> None:
    sent = exchange()
    sent.deadline = asyncio.get_running_loop().time() + 0.01
    with pytest.raises(DeadlineExceeded) as failed:
        await chain(Inside(), Waiting()).send(sent)
    assert failed.value.stage == "intercept"


async def test_a_timeout_of_its_own_is_a_failure_like_any_other() -> None:
    class Slow:
        async def on_request(self, request: Request) -> None:
            raise TimeoutError

    assert "failed, in on_request" in (await failing(chain(Inside(), Slow()))).detail


async def test_a_caller_that_leaves_lets_the_answer_go() -> None:
    inside = Inside(Answer(200, b"", [], content := Arriving()))
    waiting = Waiting()
    task = asyncio.create_task(chain(inside, waiting).send(exchange()))
    await waiting.began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert content.closed


async def test_content_over_what_one_reads_is_the_callers_fault_and_an_answer_is_not() -> None:
    class Reader:
        async def on_request(self, request: Request) -> None:
            await request.read()

        async def on_response(self, request: Request, response: Response) -> None:
            await response.read()

    error = await failing(chain(Inside(), Reader(), cap=3), content=FedContent(b"abcd"))
    assert (type(error), error.stage) == (ContentTooLarge, "intercept")
    assert "the 3 bytes that the interceptor a reads (max_content)" in error.detail
    error = await failing(chain(Inside(), Reader(), cap=3))
    assert (type(error), "over 3 bytes (its max_content)" in error.detail) == (InterceptorFailed, True)


async def test_an_upgraded_connection_passes_without_being_looked_at() -> None:
    class Tunnel:
        protocol = b"websocket"

    answer = Answer(101, b"", [])
    answer.tunnel = cast(Any, Tunnel())
    notes: list[str] = []
    assert await chain(Inside(answer), Noting("a", notes)).send(exchange()) is answer
    assert notes == ["a.on_request"]


async def test_state_goes_from_one_method_to_the_next() -> None:
    class Remembering:
        def on_request(self, request: Request) -> None:
            request.state["seen"] = "yes"

        def on_response(self, request: Request, response: Response) -> None:
            response.fields["X-Seen"] = request.state["seen"]

    assert (await chain(Inside(), Remembering()).send(exchange())).get(b"x-seen") == b"yes"
