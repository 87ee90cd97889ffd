"""Where a request is: which stage it waits in, read off its task when somebody asks. Nothing is noted on the way.

A task that waits is a chain of coroutines, each awaiting the next; the module of the innermost one that is a stage's
tells. What must not live here: what is done with a request.
"""

from types import CoroutineType
from typing import Any

from proxy.edge.visit import Visit
from proxy.stages.flight import Flight

__all__ = ["STAGES", "stage_of"]

STAGES = (
    "edge", "coalesce", "min_interval", "retry", "hedge", "authenticate", "concurrency", "rate_limit", "connect",
    "upload", "wait", "answer", "tunnel",
)  # fmt: skip
"""The usual ones, in the order in which a request goes through them; an interceptor's name may stand there, too."""

_STAGES = "proxy.stages."
_PARTS = {
    "flight": "coalesce",
    "shared_content": "coalesce",
    "held_content": "coalesce",
    "pace": "rate_limit",
    "normalize": "answer",
    "peek": "answer",
    "replay": "upload",
    "spool": "upload",
    "transport": "connect",
}
"""Modules of stages by the stage that they are a part of; every other one has its stage's name."""

_UPSTREAM = {"proxy.upstream.pool": "connect", "proxy.upstream.dial": "connect", "proxy.upstream.connection": "wait"}


def stage_of(visit: Visit) -> str:
    if visit.status:
        return "tunnel" if visit.status == 101 else "answer"
    stage = _innermost(visit.connection.request_coroutine)
    if stage == "wait" and visit.content is not None and not visit.content.complete:
        return "upload"
    return stage


def _innermost(coroutine: Any) -> str:
    stage = "edge"
    while isinstance(coroutine, CoroutineType):
        frame = coroutine.cr_frame
        if frame is not None:
            stage = _named(frame.f_globals["__name__"]) or stage
            flight = frame.f_locals.get("self")
            if isinstance(flight, Flight) and frame.f_locals.get("leads"):
                # It has a task of its own make the call for it, and for those who join it.
                coroutine = flight.coroutine
                continue
        coroutine = coroutine.cr_await
    return stage


def _named(module: str) -> str | None:
    if module.startswith(_STAGES):
        part = module.removeprefix(_STAGES)
        return _PARTS.get(part, part)
    if module.startswith("proxy.auth."):
        return "authenticate"
    return _UPSTREAM.get(module)
