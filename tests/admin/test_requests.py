import asyncio
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from proxy.admin.answer import AdminAnswer
from proxy.admin.requests import request_routes, seen
from proxy.admin.routes import Ask, Route
from proxy.edge.caller import CallerConnection
from proxy.edge.visit import Visit
from proxy.errors import NotFound, OutriderError


@dataclass
class Connection:
    """A caller's connection whose requests end when they are told to, `ending` but once."""

    ending: bool = False
    visit: Visit | None = None
    request_coroutine: object = None
    errors: list[OutriderError] = field(default_factory=list)

    def real_method(self, method: str) -> str:
        return method

    def end_request(self, visit: Visit, error: OutriderError) -> bool:
        if self.ending:
            return False
        self.errors.append(error)
        self.ending = True
        return True


def visiting(name: bytes, path: str = "/", **connection: Any) -> Visit:
    caller = Connection(**connection)
    message = SimpleNamespace(method="GET", path=path)
    visit = caller.visit = Visit(cast(CallerConnection, caller), cast(Any, message), cast(Any, None), name, 10.0)
    return visit


def route(method: str, path: str, *visits: Visit) -> Route:
    routes = request_routes(lambda: list(visits), lambda: 12.5, look_every=0.001)
    return next(one for one in routes if (one.method, one.path) == (method, path))


async def cancel(name: str, *visits: Visit) -> AdminAnswer:
    return await route("DELETE", "/api/requests/{id}", *visits).handle(Ask(cast(Any, None), {"id": name}))


async def test_those_of_one_name_are_cancelled_each_with_an_error_of_its_own_and_counted() -> None:
    mine, also, other = visiting(b"mine"), visiting(b"mine"), visiting(b"other")
    answer = await cancel("mine", mine, also, other)
    assert (answer.status, json.loads(answer.body)) == (200, {"cancelled": 2})
    ends = [cast(Connection, visit.connection).errors for visit in (mine, also, other)]
    assert [[error.code for error in errors] for errors in ends] == [["request_cancelled"], ["request_cancelled"], []]
    assert ends[0][0] is not ends[1][0]


async def test_one_that_is_being_ended_already_is_not_counted_beside_another() -> None:
    answer = await cancel("mine", visiting(b"mine", ending=True), visiting(b"mine"))
    assert json.loads(answer.body) == {"cancelled": 1}


async def test_where_all_are_being_ended_already_there_is_none_to_cancel() -> None:
    with pytest.raises(NotFound, match="being ended already"):
        await cancel("mine", visiting(b"mine", ending=True))


async def test_an_id_beyond_what_a_request_may_bear_is_none_of_theirs() -> None:
    with pytest.raises(NotFound, match="No request of this id"):
        await cancel("mine\N{SNOWMAN}", visiting(b"mine"))


@pytest.mark.parametrize(
    ("path", "shown"), [("/a?key=secret", "/a"), ("/a?b?c", "/a"), ("/?", "/"), ("/a\udcff", "/a?")]
)
def test_a_path_is_shown_without_its_query_and_as_text(path: str, shown: str) -> None:
    assert seen(visiting(b"mine", path), 10.0).path == shown


def test_a_request_that_began_after_the_clock_was_read_has_no_age_yet() -> None:
    assert [seen(visiting(b"mine"), now).age for now in (9.0, 10.0, 11.2341)] == [0.0, 0.0, 1.234]


def test_content_that_nobody_has_looked_for_yet_has_no_length_but_that_of_none() -> None:
    empty, local = visiting(b"mine"), visiting(b"mine")
    local.received = 7
    assert [(one.bytes_up, one.bytes_up_total) for one in (seen(empty, 11.0), seen(local, 11.0))] == [(0, 0), (7, None)]


async def test_the_watch_of_a_request_tells_its_end_once_and_ends() -> None:
    visit = visiting(b"mine")
    answer = await route("GET", "/api/requests/{id}/events", visit).handle(Ask(cast(Any, None), {"id": "mine"}))
    assert answer.pieces is not None
    assert (await anext(answer.pieces)).startswith(b"event: request.progress\n")
    cast(Connection, visit.connection).visit = None
    async with asyncio.timeout(5):
        assert [piece.partition(b"\n")[0] async for piece in answer.pieces] == [b"event: request.ended"]
