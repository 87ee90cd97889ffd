"""Identical requests at once: one call to the upstream, the same bytes for everybody, nobody's own for another."""

import asyncio
import contextlib
import gzip
import re
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from proxy.stages.coalesce import Coalesce
from tests.peers.caller import Answer, Caller
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import Outrider, OutriderProcess, facing
from tests.peers.scripts import OK, answers, never_answers

Start = Callable[..., Awaitable[Outrider]]
SHARED = b"outrider; fwd=miss; collapsed"


class Scene:
    """An Outrider that deduplicates, in front of an upstream that holds its answers back until `go`."""

    def __init__(self, outrider: Outrider, upstream: RawUpstream, go: asyncio.Event) -> None:
        self.outrider = outrider
        self.upstream = upstream
        self.go = go

    @property
    def stages(self) -> list[Coalesce]:
        chains = self.outrider.daemon._pipeline.chains
        return [chain.stage for chain in chains if isinstance(chain.stage, Coalesce)]

    def counted(self, result: str) -> int:
        return int(self.outrider.daemon._pipeline.tallies["api"].dedup[result])

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.005)

    async def arrived(self, count: int) -> None:
        """Until so many requests are inside."""
        await self.until(lambda: self.outrider.daemon._pipeline.admission.in_flight == count)

    async def all_at_once(
        self, count: int, *lines: bytes, method: bytes = b"GET", content: bytes = b""
    ) -> list[Answer]:
        tasks = [
            asyncio.create_task(self.outrider.request(method, b"/", *lines, content=content)) for _ in range(count)
        ]
        await self.arrived(count)
        self.go.set()
        return await asyncio.gather(*tasks)

    async def nothing_is_left(self) -> None:
        pipeline = self.outrider.daemon._pipeline
        await self.until(lambda: pipeline.admission.in_flight == 0)
        for stage in self.stages:
            await self.until(lambda stage=stage: not len(stage) and not stage.held)
        flights = [task for task in asyncio.all_tasks() if "Flight" in repr(task.get_coro())]
        assert flights == []


@contextlib.asynccontextmanager
async def scene(
    outrider: Start, answer: bytes = OK, *, dedup: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[Scene]:
    go = asyncio.Event()

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await go.wait()
            await connection.send(answer)

    async with RawUpstream(options.pop("script", script)) as upstream:
        policies = {"dedup": dedup or {}, "retry": {"attempts": 1}, **options.pop("upstream", {})}
        running = await outrider(facing(upstream.url, upstream=policies, **options))
        made = Scene(running, upstream, go)
        yield made
        await made.nothing_is_left()


def is_shared(answer: Answer) -> bool:
    return SHARED in answer.all(b"cache-status") and b"outrider; coalesced" in answer.all(b"proxy-status")


async def test_identical_requests_at_once_are_one_call(outrider):
    async with scene(outrider) as made:
        answered = await made.all_at_once(50)
        assert {(answer.status, answer.content, answer.whole) for answer in answered} == {(200, b"ok", True)}
        assert len(made.upstream.requests) == 1
        assert sum(map(is_shared, answered)) == 49
        assert (made.counted("miss"), made.counted("collapsed")) == (1, 49)


async def _in_flight(running: OutriderProcess) -> int:
    async with await Caller.connect(running.admin_port) as caller:
        await caller.send(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % running.admin_port)
        text = (await caller.answer()).content.decode()
    (count,) = re.findall(r'^outrider_requests_in_flight\{upstream="api"\} ([0-9.]+)$', text, re.MULTILINE)
    return round(float(count))


@pytest.fixture
def open_files() -> Iterator[int]:
    """As many files as this process may have; given back after the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield 2**20 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_storm_of_identical_requests_is_one_call_and_one_copy(outrider_process, scale, open_files):
    count, size = scale(1000, 10_000), scale(200_000, 10_000)
    if open_files < count + 200:
        pytest.skip(f"{count + 200} open files are needed, and {open_files} allowed")
    go = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await go.wait()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + bytes(size))

    limits = {"connections": count + 10, "in_flight": count + 10}
    async with RawUpstream(script) as upstream, contextlib.AsyncExitStack() as open_ones:
        running = await outrider_process(facing(upstream.url, auth=False, upstream={"dedup": {}}, limits=limits))
        callers = [await open_ones.enter_async_context(await running.caller()) for _ in range(count)]
        for caller in callers:
            await caller.send(running.head())
        async with asyncio.timeout(30):
            while await _in_flight(running) < count:
                await asyncio.sleep(0.05)
        before = running.memory()
        go.set()
        for start in range(0, count, 100):
            some = callers[start : start + 100]
            for answer in await asyncio.gather(*(caller.answer(timeout=30) for caller in some)):
                assert (answer.status, len(answer.content)) == (200, size)
        assert len(upstream.requests) == 1
        # Each caller may have a piece on its way; a copy of the answer for each would be more than twice as much.
        assert running.memory() - before < count * 70_000 + 16 * 2**20


async def test_one_after_the_other_is_not_at_once(outrider):
    async with scene(outrider) as made:
        made.go.set()
        for _ in range(3):
            assert not is_shared(await made.outrider.request())
        assert len(made.upstream.requests) == 3


class Drip:
    """An upstream that sends a head and then each of `pieces` when it is told to."""

    def __init__(self, *, head: bytes = b"") -> None:
        self.head = head
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.gone = asyncio.Event()

    async def __call__(self, connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n" + self.head + b"\r\n")
        watching = asyncio.create_task(self._watch(connection))
        while (piece := await self.pieces.get()) is not None:
            await connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b"0\r\n\r\n")
        connection.reset()
        await watching

    async def _watch(self, connection: Connection) -> None:
        await connection.gone()
        self.gone.set()

    def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.pieces.put_nowait(piece)

    def end(self) -> None:
        self.say(b"")

    def cut(self) -> None:
        self.pieces.put_nowait(None)


async def asking(made: Scene, count: int) -> list[Caller]:
    callers = [await made.outrider.caller() for _ in range(count)]
    for caller in callers:
        await caller.send(made.outrider.head())
    await made.arrived(count)
    return callers


async def until_seen(caller: Caller, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        piece = await caller.piece()
        assert piece, seen
        seen += piece
    return seen


async def test_everybody_sees_each_event_before_the_next_is_sent(outrider):
    drip = Drip(head=b"content-type: text/event-stream\r\n")
    async with scene(outrider, script=drip) as made:
        callers = await asking(made, 5)
        for word in (b"first", b"second", b"third"):
            drip.say(b"data: %b\n\n" % word)
            for caller in callers:
                await until_seen(caller, word)
        drip.end()
        for caller in callers:
            await until_seen(caller, b"0\r\n\r\n")
            await caller.close()
        assert len(made.upstream.heads) == 1


async def test_who_comes_while_the_answer_is_arriving_gets_it_from_its_beginning(outrider):
    drip = Drip()
    async with scene(outrider, script=drip) as made:
        (first,) = await asking(made, 1)
        drip.say(b"first ")
        await until_seen(first, b"first")
        late = asyncio.create_task(made.outrider.request())
        await made.arrived(2)
        drip.say(b"second")
        drip.end()
        assert (await late).content == b"first second"
        await until_seen(first, b"0\r\n\r\n")
        await first.close()
        assert len(made.upstream.heads) == 1


async def test_who_comes_late_to_a_feed_gets_one_of_its_own(outrider):
    drip = Drip(head=b"content-type: text/event-stream\r\n")
    async with scene(outrider, script=drip) as made:
        (first,) = await asking(made, 1)
        drip.say(b"data: past\n\n")
        await until_seen(first, b"past")
        late = await made.outrider.caller()
        await late.send(made.outrider.head())
        await made.until(lambda: len(made.upstream.heads) == 2)
        await first.close()
        await late.close()


@pytest.mark.parametrize("begun", [False, True], ids=["before the head", "within the content"])
async def test_the_first_callers_leaving_ends_nothing_while_another_waits(outrider, begun):
    drip = Drip()
    go = asyncio.Event()

    async def script(connection: Connection) -> None:
        await go.wait()
        await drip(connection)

    async with scene(outrider, script=script) as made:
        callers = await asking(made, 2)
        if begun:
            go.set()
            drip.say(b"first ")
            for caller in callers:
                await until_seen(caller, b"first")
        await callers[0].close()
        await made.arrived(1)
        go.set()
        drip.say(b"last")
        # A whole answer that is here at once has a length, one that is still coming has chunks.
        await until_seen(callers[1], b"last")
        drip.end()
        await callers[1].close()
        assert len(made.upstream.connections) == 1
        assert not made.upstream.faults


@pytest.mark.parametrize("begun", [False, True], ids=["before the head", "within the content"])
async def test_the_last_ones_leaving_ends_the_call(outrider, begun):
    drip = Drip()
    script = drip if begun else never_answers()
    async with scene(outrider, script=script) as made:
        callers = await asking(made, 3)
        if begun:
            drip.say(b"first")
            for caller in callers:
                await until_seen(caller, b"first")
        for caller in callers[:2]:
            await caller.close()
        await made.arrived(1)
        ended = drip.gone if begun else made.upstream.connections[0].ended
        assert not ended.is_set()
        await callers[2].close()
        await asyncio.wait_for(ended.wait(), 5)
        drip.cut()


async def test_a_cut_answer_looks_whole_to_nobody(outrider):
    drip = Drip()
    async with scene(outrider, script=drip) as made:
        callers = await asking(made, 5)
        drip.say(b"first")
        for caller in callers:
            await until_seen(caller, b"first")
        drip.cut()
        for caller in callers:
            assert b"0\r\n\r\n" not in await caller.rest()
            await caller.close()


async def test_a_failure_is_the_same_for_all(outrider):
    go = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await go.wait()

    async with scene(outrider, script=script) as made:
        made.go = go
        answered = await made.all_at_once(5)
        problems = [answer.problem() for answer in answered]
        assert {problem["code"] for problem in problems} == {"upstream_disconnected"}
        assert {problem["attempts"] for problem in problems} == {1}
        assert len({problem["request_id"] for problem in problems}) == 5
        assert len(made.upstream.requests) == 1


async def test_a_cookie_is_the_first_ones_alone(outrider):
    cookie = b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\nx-other: 1\r\ncontent-length: 2\r\n\r\nok"
    async with scene(outrider, cookie, dedup={"ttl": "60s"}) as made:
        answered = await made.all_at_once(5)
        assert [answer.get(b"set-cookie") for answer in answered if not is_shared(answer)] == [b"a=b"]
        assert {answer.get(b"set-cookie") for answer in answered if is_shared(answer)} == {None}
        assert {answer.get(b"x-other") for answer in answered} == {b"1"}
        assert (await made.outrider.request()).get(b"set-cookie") == b"a=b"
        assert len(made.upstream.requests) == 2


@pytest.mark.parametrize(
    "lines",
    [
        [b"Authorization: Bearer %d"],
        [b"Cookie: a=%d"],
        [b"Authorization: Bearer same"],
        [b"Cookie: same"],
        [b"Cache-Control: no-cache"],
        [b"Outrider-Dedup: off"],
        [b"X-Api-Key: %d"],
        [b"Accept: text/%d"],
        [b"Accept-Encoding: x%d"],
        [b"Accept-Language: x%d"],
        [b"Range: bytes=%d-9"],
        [b'If-None-Match: "%d"'],
    ],
    ids=repr,
)
async def test_what_is_not_identical_is_not_shared(outrider, lines):
    async with scene(outrider, dedup={"ttl": "60s"}) as made:
        own = [[line % n if b"%d" in line else line for line in lines] for n in range(3)]
        tasks = [asyncio.create_task(made.outrider.request(b"GET", b"/", *those)) for those in own]
        await made.arrived(3)
        made.go.set()
        for answer in await asyncio.gather(*tasks):
            assert not is_shared(answer)
        assert len(made.upstream.requests) == 3


async def test_with_and_without_the_credential_are_two(outrider):
    async with scene(outrider) as made:
        tasks = [
            asyncio.create_task(made.outrider.request(b"GET", b"/", *own)) for own in ([], [b"Outrider-Auth: none"])
        ]
        await made.arrived(2)
        made.go.set()
        await asyncio.gather(*tasks)
        sent = sorted(dict(head.fields).get(b"Authorization") is not None for head in made.upstream.heads)
        assert sent == [False, True]


async def test_callers_that_are_told_apart_never_share(outrider):
    callers = {name: {"token": f"{name}-of-thirty-two-characters-or-so"} for name in ("one", "two")}
    async with scene(outrider, dedup={"ttl": "60s"}, access={"callers": callers}) as made:
        tokens = [f"Outrider-Token: {caller['token']}".encode() for caller in callers.values()]
        tasks = [asyncio.create_task(made.outrider.request(b"GET", b"/", token)) for token in tokens * 2]
        await made.arrived(4)
        made.go.set()
        assert sum(map(is_shared, await asyncio.gather(*tasks))) == 2
        assert len(made.upstream.requests) == 2


async def test_routes_and_upstreams_never_share(outrider):
    go = asyncio.Event()

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await go.wait()
            await connection.send(OK)

    async with RawUpstream(script) as upstream:
        token = {"type": "bearer", "token": "of-one"}
        one, two = (
            {"url": upstream.url, "dedup": {"ttl": "60s"}, "match": {"prefix": prefix}} for prefix in ("/1", "/2")
        )
        running = await outrider({"auth": {"one": token}, "upstreams": {"one": one | {"auth": "one"}, "two": two}})
        tasks = [asyncio.create_task(running.request(b"GET", b"/%d/same" % n)) for n in (1, 2)]
        made = Scene(running, upstream, go)
        await made.arrived(2)
        go.set()
        await asyncio.gather(*tasks)
        assert upstream.targets == [b"/same", b"/same"]


async def test_head_and_get_are_two(outrider):
    async with scene(outrider) as made:
        head = asyncio.create_task(made.outrider.request(b"HEAD"))
        get = asyncio.create_task(made.outrider.request(b"GET"))
        await made.arrived(2)
        made.go.set()
        assert ((await head).content, (await get).content) == (b"", b"ok")
        assert len(made.upstream.requests) == 2


async def test_heads_share_a_head(outrider):
    async with scene(outrider, dedup={"ttl": "60s"}) as made:
        answered = [*await made.all_at_once(5, method=b"HEAD"), await made.outrider.request(b"HEAD")]
        assert {(answer.get(b"content-length"), answer.content) for answer in answered} == {(b"2", b"")}
        assert len(made.upstream.requests) == 1


async def test_compressed_content_is_shared_as_it_is(outrider):
    packed = gzip.compress(b"again and again " * 1000, mtime=0)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nvary: Accept-Encoding\r\ncontent-length: %d\r\n\r\n" % len(
        packed
    )
    async with scene(outrider, head + packed) as made:
        answered = await made.all_at_once(5, b"Accept-Encoding: gzip")
        assert {(answer.get(b"content-encoding"), answer.content) for answer in answered} == {(b"gzip", packed)}
        assert len(made.upstream.requests) == 1


def in_own_language() -> Callable[[Connection, asyncio.Event], Awaitable[None]]:
    async def script(connection: Connection, go: asyncio.Event) -> None:
        while True:
            request = await connection.request()
            await go.wait()
            language = dict(request.head.fields).get(b"X-Lang", b"--")
            await connection.send(b"HTTP/1.1 200 OK\r\nvary: X-Lang\r\ncontent-length: 2\r\n\r\n" + language)

    return script


@pytest.mark.parametrize("ttl", ["0s", "60s"])
async def test_nobody_gets_an_answer_that_varies_by_what_only_others_sent(outrider, ttl):
    go = asyncio.Event()
    script = in_own_language()
    async with scene(outrider, script=lambda connection: script(connection, go), dedup={"ttl": ttl}) as made:
        wanted = [b"de", b"fr", b"it"] * 4
        for round_number in range(2):
            tasks = [asyncio.create_task(made.outrider.request(b"GET", b"/", b"X-Lang: " + lang)) for lang in wanted]
            if round_number == 0 or ttl == "0s":
                await made.arrived(len(wanted))
                go.set()
            assert [answer.content for answer in await asyncio.gather(*tasks)] == wanted
            go.clear()
        assert len(made.upstream.requests) == (3 if ttl == "60s" else 6)


async def test_an_answer_over_the_cap_is_each_ones_own(outrider):
    large = b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n" + b"x" * 300000
    async with scene(outrider, large, dedup={"max_bytes": "100KB", "ttl": "60s"}) as made:
        answered = await made.all_at_once(4)
        assert {(len(answer.content), answer.whole) for answer in answered} == {(300000, True)}
        assert not any(map(is_shared, answered))
        assert len(made.upstream.requests) == 4
        assert made.counted("parted") == 3


async def test_content_that_outgrows_the_cap_is_still_whole_for_all(outrider):
    drip = Drip()
    async with scene(outrider, script=drip, dedup={"max_bytes": "10KB"}) as made:
        tasks = [asyncio.create_task(made.outrider.request()) for _ in range(4)]
        await made.arrived(4)
        drip.say(*(bytes([n]) * 7000 for n in range(50)))
        drip.end()
        expected = b"".join(bytes([n]) * 7000 for n in range(50))
        for answer in await asyncio.gather(*tasks):
            assert (answer.content, answer.whole) == (expected, True)
        assert len(made.upstream.heads) == 1


async def test_a_caller_that_reads_slowly_gets_the_same_bytes(outrider):
    drip = Drip()
    async with scene(outrider, script=drip, dedup={"max_bytes": "64KB"}) as made:
        fast = asyncio.create_task(made.outrider.request(timeout=20))
        slow = await made.outrider.caller()
        await slow.send(made.outrider.head())
        await made.arrived(2)
        slow.transport.pause_reading()
        piece = bytes(50_000)
        drip.say(*[piece] * 200)
        drip.end()
        await asyncio.sleep(0.2)
        assert made.stages[0].held <= 64_000 + 256 * 1024 + 10_000
        slow.transport.resume_reading()
        assert len((await slow.answer(timeout=20)).content) == 10_000_000
        assert len((await fast).content) == 10_000_000
        await slow.close()


async def test_a_kept_answer_is_given_until_its_time_is_over(outrider):
    async with scene(outrider, dedup={"ttl": "300ms"}) as made:
        made.go.set()
        assert (await made.outrider.request()).get(b"cache-status") is None
        again = await made.outrider.request()
        assert again.all(b"cache-status") == [b"outrider; hit"]
        assert again.get(b"age") == b"0"
        assert again.content == b"ok"
        await asyncio.sleep(0.35)
        assert (await made.outrider.request()).get(b"cache-status") is None
        assert len(made.upstream.requests) == 2


async def test_a_streamed_answer_is_kept_once_it_is_whole(outrider):
    drip = Drip()
    async with scene(outrider, script=drip, dedup={"ttl": "60s"}) as made:
        (caller,) = await asking(made, 1)
        drip.say(b"one ")
        await until_seen(caller, b"one")
        drip.say(b"two")
        drip.end()
        await until_seen(caller, b"0\r\n\r\n")
        await caller.close()
        again = await made.outrider.request()
        assert (again.content, again.get(b"cache-status")) == (b"one two", b"outrider; hit")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\nno",
        b"HTTP/1.1 404 No\r\ncontent-length: 2\r\n\r\nno",
        b"HTTP/1.1 200 OK\r\ncache-control: private\r\ncontent-length: 2\r\n\r\nno",
        b"HTTP/1.1 200 OK\r\ncache-control: max-age=9, no-store\r\ncontent-length: 2\r\n\r\nno",
        b"HTTP/1.1 200 OK\r\nvary: *\r\ncontent-length: 2\r\n\r\nno",
    ],
    ids=lambda answer: answer.split(b"\r\n")[0].decode() + answer.split(b"\r\n")[1].decode(),
)
async def test_what_is_not_for_others_is_not_kept(outrider, answer):
    async with scene(outrider, answer, dedup={"ttl": "60s"}) as made:
        made.go.set()
        for _ in range(2):
            assert (await made.outrider.request()).get(b"cache-status") is None
        assert len(made.upstream.requests) == 2


async def test_private_answers_are_kept_where_the_file_says_so(outrider):
    private = b"HTTP/1.1 200 OK\r\ncache-control: private\r\ncontent-length: 2\r\n\r\nok"
    async with scene(outrider, private, dedup={"ttl": "60s", "include_private": True}) as made:
        made.go.set()
        await made.outrider.request()
        assert (await made.outrider.request()).get(b"cache-status") == b"outrider; hit"


POSTS = {"ttl": "60s", "methods": ["POST"]}


async def test_a_double_click_is_one_post(outrider):
    async with scene(outrider, dedup=POSTS) as made:
        answered = await made.all_at_once(2, method=b"POST", content=b'{"pay": 1}')
        answered.append(await made.outrider.request(b"POST", content=b'{"pay": 1}'))
        assert {answer.content for answer in answered} == {b"ok"}
        assert [request.content for request in made.upstream.requests] == [b'{"pay": 1}']
        await made.outrider.request(b"POST", content=b'{"pay": 2}')
        assert len(made.upstream.requests) == 2


async def test_posts_with_keys_of_their_own_are_two(outrider):
    async with scene(outrider, dedup=POSTS) as made:
        made.go.set()
        for key in (b"1", b"2"):
            await made.outrider.request(b"POST", b"/", b"Idempotency-Key: " + key, content=b"same")
        assert len(made.upstream.requests) == 2


async def test_posts_are_not_shared_where_they_are_not_listed(outrider):
    async with scene(outrider, dedup={"ttl": "60s"}) as made:
        await made.all_at_once(2, method=b"POST", content=b"same")
        assert len(made.upstream.requests) == 2


async def test_a_failed_post_is_shared_with_those_in_flight_but_not_kept(outrider):
    refused = b"HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\nno"
    async with scene(outrider, refused, dedup=POSTS) as made:
        answered = await made.all_at_once(3, method=b"POST", content=b"same")
        assert {answer.status for answer in answered} == {500}
        assert len(made.upstream.requests) == 1
        await made.outrider.request(b"POST", content=b"same")
        assert len(made.upstream.requests) == 2


async def test_a_post_over_the_cap_goes_by_itself_and_whole(outrider):
    async with scene(outrider, dedup=POSTS | {"max_bytes": "10KB"}) as made:
        content = bytes(50_000)
        await made.all_at_once(2, method=b"POST", content=content)
        assert [request.content for request in made.upstream.requests] == [content] * 2


async def test_a_post_in_chunks_is_sent_as_it_came_and_shared(outrider):
    async with scene(outrider, dedup=POSTS) as made:
        head = made.outrider.head(b"POST", b"/", b"Transfer-Encoding: chunked")
        callers = [await made.outrider.caller() for _ in range(2)]
        for caller in callers:
            await caller.send(head + b"3\r\none\r\n")
            await asyncio.sleep(0.02)
            await caller.send(b"3\r\ntwo\r\n0\r\n\r\n")
        await made.arrived(2)
        made.go.set()
        assert [(await caller.answer(b"POST")).content for caller in callers] == [b"ok"] * 2
        assert [request.content for request in made.upstream.requests] == [b"onetwo"]
        for caller in callers:
            await caller.close()


async def test_a_callers_own_deadline_is_its_own_alone(outrider):
    async with scene(outrider) as made:
        hurried = asyncio.create_task(made.outrider.request(b"GET", b"/", b"Outrider-Timeout: 100ms"))
        await made.arrived(1)
        patient = asyncio.create_task(made.outrider.request())
        await made.arrived(2)
        assert (await hurried).code == "deadline_exceeded"
        made.go.set()
        assert is_shared(await patient)
        assert len(made.upstream.requests) == 1


async def test_requests_that_may_not_be_shared_in_flight_still_use_what_is_kept(outrider):
    async with scene(outrider, dedup={"in_flight": False, "ttl": "60s"}) as made:
        await made.all_at_once(3)
        assert len(made.upstream.requests) == 3
        assert (await made.outrider.request()).get(b"cache-status") == b"outrider; hit"


async def test_nothing_is_shared_where_nothing_is_configured(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        assert not Scene(running, upstream, asyncio.Event()).stages


async def test_what_was_shared_is_counted(outrider):
    async with scene(outrider, dedup={"ttl": "60s"}) as made:
        await made.all_at_once(3)
        await made.outrider.request()
        async with await Caller.connect(made.outrider.admin_port) as caller:
            await caller.send(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % made.outrider.admin_port)
            text = (await caller.answer()).content
        assert b'outrider_coalesced_total{upstream="api"} 3.0' in text
        for result, count in ((b"miss", 1), (b"collapsed", 2), (b"hit", 1), (b"bypass", 0)):
            assert b'outrider_dedup_total{result="%b",upstream="api"} %d.0' % (result, count) in text
