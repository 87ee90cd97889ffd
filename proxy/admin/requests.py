"""Requests in flight: listed, watched as their bytes go, and cancelled.

What is shown is read off the connections when somebody asks; a request pays nothing for it. A caller may name its
request (`Outrider-Request-Id`), and two may bear the same name at once: then a name stands for all of them. What must
not live here: how a request is ended (`proxy.edge.caller`).
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Annotated

from pydantic import Field

from proxy.admin.answer import AdminAnswer, document, event_stream
from proxy.admin.event_stream import KEEPALIVE, sent_event
from proxy.admin.routes import Ask, Route
from proxy.clock import Clock
from proxy.edge.visit import CALLER_GONE, Visit
from proxy.edge.whereabouts import stage_of
from proxy.errors import NotFound, RequestCancelled

__all__ = ["InFlight", "InFlightList", "request_routes", "seen"]

LOOK_EVERY = 0.2
"""Seconds between two looks at a request that is being watched."""

_ENDED = "request.ended"
_PROGRESS = "request.progress"


@dataclass(frozen=True, slots=True)
class InFlight:
    """A request in flight. Bytes are of content: `bytes_up` what was taken from the caller, which may be ahead of what
    the upstream has, `bytes_down` what was given to it; the totals are null where nobody has told them. `status` is
    null until the answer begins, `age` is in seconds, `attempt` 0 until one is on the wire. `error` is the code of the
    error that it ended with.
    """

    id: str
    caller: str
    upstream: str
    method: str
    path: str
    stage: str
    attempt: int
    age: float
    bytes_up: int
    bytes_up_total: int | None
    bytes_down: int
    bytes_down_total: int | None
    status: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class InFlightList:
    requests: list[InFlight]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """How many requests bore the name and were ended."""

    cancelled: Annotated[int, Field(ge=1)]


def seen(visit: Visit, now: float) -> InFlight:
    """`visit` as it is at `now` on the loop's clock."""
    content, exchange, chain = visit.content, visit.exchange, visit.chain
    return InFlight(
        id=visit.request_id.decode("latin-1"),
        caller=visit.caller,
        upstream="" if chain is None else chain.entry.upstream.name,
        method=visit.method,
        path=visit.message.path.partition("?")[0].encode("utf-8", "replace").decode(),
        stage=stage_of(visit),
        attempt=0 if exchange is None else exchange.attempts,
        age=max(0.0, round(now - visit.started, 3)),
        bytes_up=visit.received if content is None else content.received,
        bytes_up_total=0 if content is None and not visit.received else None if content is None else content.length,
        bytes_down=visit.sent,
        bytes_down_total=visit.length,
        status=visit.status or None,
        error=None if visit.error is None else visit.error.code,
    )


def _cancel(visit: Visit) -> bool:
    """Whether it was still there to be cancelled."""
    why = RequestCancelled("The request was cancelled through the admin listener.")
    return visit.connection.end_request(visit, why)


def request_routes(visits: Callable[[], list[Visit]], clock: Clock, look_every: float = LOOK_EVERY) -> Iterator[Route]:
    """`visits` gives the requests in flight, oldest first; `clock` is the loop's."""

    def named(ask: Ask) -> list[Visit]:
        wanted = ask.params["id"].encode("latin-1", "replace")
        found = [visit for visit in visits() if visit.request_id == wanted]
        if not found:
            raise NotFound("No request of this id is in flight.")
        return found

    def shown(found: list[Visit]) -> AdminAnswer:
        now = clock()
        return document(200, InFlightList([seen(visit, now) for visit in found]), InFlightList)

    async def every(_: Ask) -> AdminAnswer:
        return shown(visits())

    async def one(ask: Ask) -> AdminAnswer:
        return shown(named(ask))

    async def progress(ask: Ask) -> AdminAnswer:
        return event_stream(_watch(named(ask), clock, look_every))

    async def cancel(ask: Ask) -> AdminAnswer:
        number = sum(_cancel(visit) for visit in named(ask))
        if not number:
            raise NotFound("The request of this id is being ended already.")
        return document(200, Cancelled(number), Cancelled)

    gone = {404: "No request of this id is in flight."}
    ended = {404: "No request of this id is in flight, or it is being ended already."}
    path = "/api/requests/{id}"
    yield Route("GET", "/api/requests", every, "The requests in flight, oldest first.", gives=InFlightList)
    yield Route("GET", path, one, "Those of one id: one, or several of one name.", gives=InFlightList, statuses=gone)
    yield Route("DELETE", path, cancel, "Cancels those of one id.", gives=Cancelled, statuses=ended)
    yield Route(
        "GET",
        f"{path}/events",
        progress,
        f"Their bytes as they go, as server-sent events `{_PROGRESS}` and, once each, `{_ENDED}`.",
        media="text/event-stream",
        statuses=gone,
    )


async def _watch(visits: list[Visit], clock: Clock, look_every: float) -> AsyncGenerator[bytes, None]:
    """Looks now and then rather than being told: who is watched does not notice."""
    told: dict[Visit, InFlight] = {}
    silent_since = clock()
    while visits:
        now = clock()
        pieces = []
        for visit in list(visits):
            view = seen(visit, now)
            if visit.connection.visit is not visit:
                visits.remove(visit)
                pieces.append(sent_event(_ENDED, asdict(replace(view, status=visit.status or CALLER_GONE))))
            elif told.get(visit) != replace(view, age=0.0):
                told[visit] = replace(view, age=0.0)
                pieces.append(sent_event(_PROGRESS, asdict(view)))
        if pieces:
            silent_since = now
            yield b"".join(pieces)
        elif now - silent_since >= KEEPALIVE:
            silent_since = now
            yield b": still here\n\n"
        if visits:
            await asyncio.sleep(look_every)
