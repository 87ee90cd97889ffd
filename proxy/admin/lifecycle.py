"""Reload and drain, asked for from outside.

What must not live here: what they do (`proxy.lifecycle`, `proxy.daemon`).
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from proxy.admin.answer import AdminAnswer, document
from proxy.admin.routes import Ask, Route

__all__ = ["lifecycle_routes"]


class Outcome(Protocol):
    """Of a reload."""

    @property
    def changed(self) -> list[str]: ...
    @property
    def problems(self) -> list[str]: ...
    @property
    def invalid(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Reloaded:
    """`changed` names sections, profiles and upstreams; with `problems` nothing was changed. `invalid`: by the file."""

    reloaded: bool
    changed: list[str]
    problems: list[str]
    invalid: bool


@dataclass(frozen=True, slots=True)
class Draining:
    """`in_flight` requests are waited for."""

    draining: bool
    in_flight: int


def lifecycle_routes(
    reload: Callable[[], Awaitable[Outcome]], stop: Callable[[], None], in_flight: Callable[[], int]
) -> Iterator[Route]:
    """`stop` has the daemon drain and end; asked twice by this way, it still drains only once."""
    asked = False

    async def reload_now(_: Ask) -> AdminAnswer:
        outcome = await reload()
        done = not outcome.problems
        answer = Reloaded(done, outcome.changed, outcome.problems, outcome.invalid)
        return document(200 if done else 409, answer, Reloaded)

    async def drain(_: Ask) -> AdminAnswer:
        nonlocal asked
        if not asked:
            asked = True
            stop()
        return document(202, Draining(True, in_flight()), Draining)

    yield Route(
        "POST", "/api/reload", reload_now, "Reads the file again and puts it in force, or changes nothing.",
        gives=Reloaded, statuses={409: "Nothing was changed; `problems` says why."},
    )  # fmt: skip
    yield Route("POST", "/api/drain", drain, "Lets requests end, then ends the daemon.", gives=Draining, status=202)
