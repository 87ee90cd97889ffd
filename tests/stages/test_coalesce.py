"""The stage in which identical requests share one call, over a next stage that answers when it is told to."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import DeadlineExceeded, OutriderError, UpstreamTimeout
from proxy.message import Exchange, Response, ResponseContent
from proxy.observe.tally import UpstreamTally
from proxy.policy.answers import AnswerWindow
from proxy.policy.dedup import IdentityRules
from proxy.stages.coalesce import Coalesce, Sharing
from proxy.stages.shared_content import LentContent
from tests.stages.contents import FedContent

Task = asyncio.Task[Response]


class Streamed:
    """An answer's content that is fed by the test."""

    def __init__(self, length: int | None = None) -> None:
        self.length = length
        self.complete = False
        self.closed = False
        self.arrived: asyncio.Queue[bytes | OutriderError] = asyncio.Queue()

    def take(self) -> bytes | None:
        return None

    async def read(self) -> bytes:
        piece = await self.arrived.get()
        if isinstance(piece, OutriderError):
            raise piece
        return piece

    def close(self) -> None:
        self.closed = True


class Upstream:
    """The next stage: every call is a future that the test settles."""

    def __init__(self) -> None:
        self.calls: list[asyncio.Future[Response]] = []
        self.sent: list[Exchange] = []
        self.cancelled = 0

    async def send(self, exchange: Exchange) -> Response:
        exchange.attempts += 1
        call: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.calls.append(call)
        self.sent.append(exchange)
        try:
            return await call
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


class Scene:
    """The stage with its next one."""

    def __init__(self, *, ttl: float = 0.0, sharing: Sharing | None = None, methods: tuple[str, ...] = ()) -> None:
        self.upstream = Upstream()
        self.tally = UpstreamTally()
        self.now = 0.0
        window = AnswerWindow(ttl, 10**6, lambda: self.now) if ttl else None
        loop = asyncio.get_running_loop()
        rules = IdentityRules("scope", methods)
        self.stage = Coalesce(rules, sharing or Sharing(), window, self.tally, loop, self.upstream)

    def ask(
        self, *fields: tuple[bytes, bytes], method: str = "GET", content: bytes | None = None
    ) -> tuple[Exchange, Task]:
        exchange = Exchange(method, b"/", list(fields), b"id", asyncio.get_running_loop().time())
        if content is not None:
            exchange.content = FedContent(content, length=len(content))
        return exchange, asyncio.ensure_future(self.stage.send(exchange))

    async def asked(self, count: int) -> list[Task]:
        tasks = [self.ask()[1] for _ in range(count)]
        await settle()
        return tasks

    def answer(self, content: ResponseContent | bytes = b"ok", *lines: bytes, call: int = 0) -> None:
        body = LentContent(content) if isinstance(content, bytes) else content
        self.upstream.calls[call].set_result(Response(200, b"OK", list(lines), body))


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


async def all_of(response: Response) -> bytes:
    pieces = []
    try:
        while piece := await response.content.read():
            pieces.append(piece)
    finally:
        response.close()
    return b"".join(pieces)


async def test_everybody_has_a_response_of_its_own_and_only_the_first_is_not_coalesced() -> None:
    scene = Scene()
    asked = [scene.ask() for _ in range(3)]
    await settle()
    scene.answer(b"ok", b"A: 1")
    responses = [await task for _, task in asked]
    assert len({id(response) for response in responses}) == 3
    assert [exchange.coalesced for exchange, _ in asked] == [False, True, True]
    assert [exchange.attempts for exchange, _ in asked] == [1, 1, 1]
    assert len(scene.stage) == 0


async def test_alone_the_answer_is_handed_on_as_it_came() -> None:
    scene = Scene()
    (task,) = await scene.asked(1)
    response = Response(200, b"OK", [b"A: 1"], LentContent(b"ok"))
    scene.upstream.calls[0].set_result(response)
    assert await task is response


async def test_the_first_ones_leaving_before_the_head_ends_nothing() -> None:
    scene = Scene()
    first, second = await scene.asked(2)
    first.cancel()
    await settle()
    assert scene.upstream.cancelled == 0
    scene.answer()
    assert await all_of(await second) == b"ok"


async def test_the_last_ones_leaving_before_the_head_cancels_the_call() -> None:
    scene = Scene()
    tasks = await scene.asked(3)
    for task in tasks:
        task.cancel()
    await settle()
    assert (scene.upstream.cancelled, len(scene.stage)) == (1, 0)


async def test_who_comes_when_all_have_left_begins_a_call_of_its_own() -> None:
    scene = Scene()
    (task,) = await scene.asked(1)
    task.cancel()
    await settle()
    (again,) = await scene.asked(1)
    scene.answer(call=1)
    assert await all_of(await again) == b"ok"


async def test_an_answer_that_comes_in_the_moment_of_leaving_is_closed() -> None:
    scene = Scene()
    (task,) = await scene.asked(1)
    content = Streamed()
    scene.answer(content)
    await asyncio.sleep(0)
    task.cancel()
    await settle()
    assert content.closed
    assert (len(scene.stage), scene.stage.held) == (0, 0)


async def test_an_answer_that_nobody_is_left_for_is_closed() -> None:
    scene = Scene()
    (task,) = await scene.asked(1)
    content = Streamed()
    # Both in one turn of the loop: the answer is on its way when the only caller leaves.
    scene.answer(content)
    task.cancel()
    await settle()
    assert content.closed or scene.upstream.cancelled
    assert (len(scene.stage), scene.stage.held) == (0, 0)


async def test_a_failure_is_copied_for_everybody() -> None:
    scene = Scene()
    tasks = await scene.asked(3)
    scene.upstream.calls[0].set_exception(UpstreamTimeout("slow", retry_after=3))
    failures = await asyncio.gather(*tasks, return_exceptions=True)
    assert {(type(failure), str(failure)) for failure in failures} == {(UpstreamTimeout, "slow")}
    assert {failure.retry_after for failure in failures if isinstance(failure, OutriderError)} == {3}
    assert len({id(failure) for failure in failures}) == 3
    assert len(scene.stage) == 0


async def test_a_defect_reaches_everybody_too() -> None:
    scene = Scene()
    tasks = await scene.asked(2)
    scene.upstream.calls[0].set_exception(ZeroDivisionError())
    assert {type(failure) for failure in await asyncio.gather(*tasks, return_exceptions=True)} == {ZeroDivisionError}


async def test_ones_own_deadline_ends_ones_own_wait_alone() -> None:
    scene = Scene()
    exchange, hurried = scene.ask()
    exchange.deadline = asyncio.get_running_loop().time() + 0.02
    await asyncio.sleep(0)
    (patient,) = await scene.asked(1)
    with pytest.raises(DeadlineExceeded):
        await hurried
    scene.answer()
    assert await all_of(await patient) == b"ok"
    assert scene.upstream.cancelled == 0


async def test_a_deadline_of_the_first_one_is_not_sent_for_all() -> None:
    scene = Scene(sharing=Sharing(total=30.0))
    exchange, task = scene.ask()
    exchange.deadline = exchange.started + 5
    await settle()
    assert scene.upstream.sent[0].deadline == exchange.started + 30
    scene.answer()
    await task
    assert exchange.attempts == 1


async def test_a_post_larger_than_the_cap_in_its_answer_is_still_made_once() -> None:
    scene = Scene(methods=("POST",), sharing=Sharing(max_bytes=1000))
    tasks = [scene.ask(method="POST", content=b"pay")[1] for _ in range(3)]
    await settle()
    scene.answer(b"x" * 5000)
    assert {await all_of(await task) for task in tasks} == {b"x" * 5000}
    assert len(scene.upstream.calls) == 1


async def test_those_who_part_from_the_first_share_among_themselves() -> None:
    scene = Scene()
    asked = [scene.ask((b"X-Lang", language))[1] for language in (b"de", b"fr", b"fr", b"de")]
    await settle()
    scene.answer(b"de", b"Vary: X-Lang")
    await settle()
    assert len(scene.upstream.calls) == 2
    scene.answer(b"fr", b"Vary: X-Lang", call=1)
    assert [await all_of(await task) for task in asked] == [b"de", b"fr", b"fr", b"de"]
    assert scene.tally.dedup == {"miss": 2, "collapsed": 2, "hit": 0, "parted": 2, "bypass": 0}


async def test_a_kept_answer_needs_no_call_until_its_time_is_over() -> None:
    scene = Scene(ttl=2.0)
    (task,) = await scene.asked(1)
    scene.answer(b"ok", b"A: 1")
    await all_of(await task)
    scene.now = 1.5
    exchange, again = scene.ask()
    response = await again
    assert (response.lines, await all_of(response)) == ([b"A: 1", b"Age: 1", b"Cache-Status: outrider; hit"], b"ok")
    assert exchange.coalesced
    scene.now = 2.5
    await scene.asked(1)
    assert len(scene.upstream.calls) == 2


async def test_an_answer_that_failed_within_is_not_kept() -> None:
    scene = Scene(ttl=2.0)
    (task,) = await scene.asked(1)
    content = Streamed()
    scene.answer(content)
    content.arrived.put_nowait(b"half")
    content.arrived.put_nowait(UpstreamTimeout("slow"))
    with pytest.raises(UpstreamTimeout):
        await all_of(await task)
    await scene.asked(1)
    assert len(scene.upstream.calls) == 2


STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "leave", "head", "feed", "end", "fail"]), st.integers(0, 5)), max_size=40
)


@given(STEPS)
def test_whatever_happens_nobody_gets_less_without_knowing_and_nothing_is_left(steps: list[tuple[str, int]]) -> None:
    asyncio.run(_drive(steps))


async def _drive(steps: list[tuple[str, int]]) -> None:
    """Callers come and leave while calls answer, stream, end and fail; each call's content says which call it is."""
    scene = Scene()
    callers: list[asyncio.Task[bytes]] = []
    contents: dict[int, Streamed] = {}
    ended: set[int] = set()

    async def call() -> bytes:
        return await all_of(await scene.stage.send(Exchange("GET", b"/", [], b"id", 0.0)))

    def pick(number: int, eligible: Callable[[int], bool]) -> int | None:
        calls = [n for n in range(len(scene.upstream.calls)) if eligible(n)]
        return calls[number % len(calls)] if calls else None

    for step, number in steps:
        waiting = pick(number, lambda n: not scene.upstream.calls[n].done())
        streaming = pick(number, lambda n: n in contents and n not in ended)
        if step == "ask":
            callers.append(asyncio.ensure_future(call()))
        elif step == "leave" and callers:
            callers[number % len(callers)].cancel()
        elif step == "head" and waiting is not None:
            contents[waiting] = Streamed()
            scene.answer(contents[waiting], call=waiting)
        elif step == "feed" and streaming is not None:
            contents[streaming].arrived.put_nowait(b"%d," % streaming)
        elif step in ("end", "fail") and streaming is not None:
            contents[streaming].arrived.put_nowait(b"." if step == "end" else UpstreamTimeout("slow"))
            contents[streaming].arrived.put_nowait(b"")
            ended.add(streaming)
        await settle()
    for task in callers:
        if not task.done():
            task.cancel()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    await settle()
    for outcome in outcomes:
        if isinstance(outcome, bytes):
            assert outcome.endswith(b".")
            assert len(set(outcome[:-1].split(b",")) - {b""}) <= 1
        else:
            assert isinstance(outcome, (UpstreamTimeout, asyncio.CancelledError))
    assert (len(scene.stage), scene.stage.held) == (0, 0)
    assert all(call.done() for call in scene.upstream.calls)
    assert asyncio.all_tasks() == {asyncio.current_task()}
