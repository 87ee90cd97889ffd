"""What the lean connection relies on of aiohttp's, on each loop that it may run on."""

import asyncio
import inspect
from typing import Any

import pytest
from aiohttp import web_protocol
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_server import Server

from proxy.edge.caller import CallerConnection
from proxy.edge.lean import LeanRequestHandler
from tests.edge.serving import ANSWER, answering, asked, serving
from tests.peers.caller import Caller

_ATTRIBUTES = [
    "_buffer_paused",
    "_close",
    "_force_close",
    "_handler_waiter",
    "_loop",
    "_messages",
    "_msg_queue_resume_size",
    "_parser",
    "_request_in_progress",
    "_task_handler",
    "_waiter",
    "transport",
]
_VERBS = [
    "_drain_helper",
    "_resume_reading_if_drained",
    "close",
    "force_close",
    "log_exception",
    "set_parser",
    "shutdown",
]


async def _refuse(server: Server) -> None:
    raise AssertionError("the usual handler is not used")


@pytest.mark.parametrize("name", _ATTRIBUTES)
async def test_the_connection_has_the_attribute(name: str) -> None:
    assert hasattr(RequestHandler(Server(_refuse), loop=asyncio.get_running_loop()), name)


@pytest.mark.parametrize("name", _VERBS)
def test_the_connection_has_the_verb(name: str) -> None:
    assert inspect.isroutine(inspect.getattr_static(RequestHandler, name))


def test_the_connection_takes_the_options_that_are_given() -> None:
    options = set(inspect.signature(RequestHandler.__init__).parameters)
    assert options >= {
        "keepalive_timeout", "access_log", "max_line_size", "max_field_size", "max_headers", "read_bufsize",
        "auto_decompress",
    }  # fmt: skip


def test_starting_is_one_coroutine_that_we_replace() -> None:
    assert inspect.iscoroutinefunction(RequestHandler.start)
    assert LeanRequestHandler.start is not RequestHandler.start
    assert isinstance(BaseProtocol.writing_paused, property)


def test_the_parser_is_the_one_in_c_and_tells_what_was_consumed() -> None:
    assert HttpRequestParser.__module__ == "aiohttp._http_parser"
    assert callable(HttpRequestParser.message_consumed)


def test_what_the_parser_refuses_is_queued_as_an_error_with_its_reason() -> None:
    assert {"exc", "message"} <= set(inspect.signature(web_protocol._ErrInfo).parameters)


async def test_each_connection_starts_the_lean_loop_in_a_task() -> None:
    seen: list[str] = []
    async with serving(answering(seen)) as running, await Caller.connect(running.port) as caller:
        await caller.send(asked(b"/one"))
        assert (await caller.answer()).content == b"ok"
        (connection,) = running.server.connections
        assert type(connection) is CallerConnection
        assert isinstance(connection._task_handler, asyncio.Task)
        assert seen == ["/one"]


async def test_pipelined_requests_are_answered_one_after_the_other_in_their_order() -> None:
    order: list[str] = []
    gate = asyncio.Event()

    async def handle(connection: CallerConnection, message: RawRequestMessage, payload: Any) -> bool:
        order.append("begin " + message.path)
        if message.path == "/0":
            await gate.wait()
        order.append("end " + message.path)
        assert connection.transport is not None
        connection.transport.write(ANSWER.replace(b"ok", message.path.encode()))
        return True

    async with serving(handle) as running, await Caller.connect(running.port) as caller:
        await caller.send(b"".join(asked(b"/%d" % number) for number in range(5)))
        async with asyncio.timeout(5):
            while order != ["begin /0"]:
                await asyncio.sleep(0.005)
        gate.set()
        assert [(await caller.answer()).content for _ in range(5)] == [b"/%d" % number for number in range(5)]
    assert order == [f"{verb} /{number}" for number in range(5) for verb in ("begin", "end")]


async def test_a_long_queue_of_pipelined_requests_is_answered_whole() -> None:
    seen: list[str] = []
    async with serving(answering(seen)) as running, await Caller.connect(running.port) as caller:
        await caller.send(b"".join(asked(b"/%d" % number) for number in range(500)))
        for _ in range(500):
            assert (await caller.answer()).status == 200
    assert seen == [f"/{number}" for number in range(500)]


async def test_no_request_is_taken_after_one_that_ends_the_connection() -> None:
    seen: list[str] = []
    async with (
        serving(answering(seen, keep=lambda path: path != "/last")) as running,
        await Caller.connect(running.port) as caller,
    ):
        await caller.send(asked(b"/first") + asked(b"/last") + asked(b"/never"))
        assert (await caller.rest()).count(b"200 OK") == 2
    assert seen == ["/first", "/last"]


async def test_what_is_no_request_is_answered_behind_those_that_were() -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def handle(connection: CallerConnection, message: Any, payload: Any) -> bool:
        begun.set()
        await gate.wait()
        assert connection.transport is not None
        connection.transport.write(ANSWER)
        return True

    async with serving(handle) as running, await Caller.connect(running.port) as caller:
        await caller.send(asked(b"/first"))
        await asyncio.wait_for(begun.wait(), 5)
        await caller.send(b"garbage\r\n\r\n")
        await asyncio.sleep(0.02)
        gate.set()
        assert (await caller.answer()).status == 200
        assert (await caller.answer()).code == "bad_request"
        assert await caller.closed()
        assert [error.code for error in running.refusals] == ["bad_request"]


async def test_a_caller_that_leaves_cancels_its_request() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def handle(connection: CallerConnection, message: Any, payload: Any) -> bool:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return True

    async with serving(handle) as running:
        caller = await Caller.connect(running.port)
        await caller.send(asked())
        await asyncio.wait_for(begun.wait(), 5)
        await caller.close()
        await asyncio.wait_for(cancelled.wait(), 5)
        async with asyncio.timeout(5):
            while running.server.connections:
                await asyncio.sleep(0.005)


async def test_a_shutdown_waits_for_the_request_in_progress() -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def handle(connection: CallerConnection, message: Any, payload: Any) -> bool:
        begun.set()
        await gate.wait()
        assert connection.transport is not None
        connection.transport.write(ANSWER)
        return True

    async with serving(handle) as running, await Caller.connect(running.port) as caller:
        await caller.send(asked())
        await asyncio.wait_for(begun.wait(), 5)
        stopping = asyncio.ensure_future(running.server.shutdown(5))
        await asyncio.sleep(0.02)
        assert not stopping.done()
        gate.set()
        assert (await caller.answer()).content == b"ok"
        await asyncio.wait_for(stopping, 5)
        assert await caller.closed()


async def test_a_shutdown_ends_a_request_that_takes_too_long() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def handle(connection: CallerConnection, message: Any, payload: Any) -> bool:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return True

    async with serving(handle) as running, await Caller.connect(running.port) as caller:
        await caller.send(asked())
        await asyncio.wait_for(begun.wait(), 5)
        await asyncio.wait_for(running.server.shutdown(0.05), 5)
        await asyncio.wait_for(cancelled.wait(), 5)
        assert await caller.closed()


async def test_a_shutdown_closes_idle_connections_at_once() -> None:
    async with serving(answering([])) as running, await Caller.connect(running.port) as caller:
        await caller.send(asked())
        await caller.answer()
        running.server.close_idle()
        await asyncio.wait_for(running.server.shutdown(60), 5)
        assert await caller.closed()


async def test_content_that_nobody_wanted_is_read_on_so_that_the_answer_arrives() -> None:
    async with (
        serving(answering([], keep=lambda path: False)) as running,
        await Caller.connect(running.port) as caller,
    ):
        size = 3_000_000
        await caller.send(asked(b"/", b"Content-Length: %d" % size, method=b"POST"))
        assert (await caller.answer()).content == b"ok"
        await caller.send(b"x" * size)
        assert await caller.closed()


async def test_content_that_nobody_wanted_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.edge.lean.LINGER", 0.05)
    async with (
        serving(answering([], keep=lambda path: False)) as running,
        await Caller.connect(running.port) as caller,
    ):
        await caller.send(asked(b"/", b"Content-Length: 9", method=b"POST"))
        assert (await caller.answer()).content == b"ok"
        assert await caller.closed()


async def test_a_connection_that_is_cut_leaves_the_others_alone() -> None:
    async def handle(connection: CallerConnection, message: Any, payload: Any) -> bool:
        assert connection.transport is not None
        connection.abort()
        return False

    async with (
        serving(handle) as running,
        await Caller.connect(running.port) as caller,
        await Caller.connect(running.port) as other,
    ):
        await caller.send(asked())
        assert await caller.closed()
        assert not await other.closed(0.05)
