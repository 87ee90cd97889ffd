"""The order of the stages, and each one's reason for its place.

A builder imports its stage only where a configuration asks for one: most ask for few, and start sooner. What must not
live here: how a stage is built.
"""

from collections.abc import Callable
from typing import NamedTuple

from proxy.chain.authenticate import authenticate
from proxy.chain.breaker import breaker
from proxy.chain.coalesce import coalesce
from proxy.chain.concurrency import concurrency
from proxy.chain.context import Context
from proxy.chain.deadline import deadline
from proxy.chain.hedge import hedge
from proxy.chain.intercept import intercept
from proxy.chain.min_interval import min_interval
from proxy.chain.normalize import normalize
from proxy.chain.rate_limit import rate_limit
from proxy.chain.retry import retry
from proxy.chain.server_timing import server_timing
from proxy.chain.session_cookies import session_cookies
from proxy.chain.sign import sign
from proxy.chain.tracing import traced_attempt, traced_request
from proxy.chain.transport import transport
from proxy.chain.wire_log import callers_wire_log, upstreams_wire_log
from proxy.message import Stage
from proxy.policy.routing import RouteEntry

__all__ = ["ORDER", "Builder", "Place", "build_chain"]

Builder = Callable[[RouteEntry, Context, Stage], Stage]


class Place(NamedTuple):
    """A stage: its builder, None for the two ends that no other stage makes possible, and why it stands here."""

    name: str
    build: Builder | None
    reason: str


ORDER = (
    Place("admission", None, "outermost, at the edge itself: refuses before anything is spent"),
    Place("caller's wire log", callers_wire_log, "outside everything that changes what callers are told"),
    Place("request's span", traced_request, "outside everything that it is to measure"),
    Place("server timing", server_timing, "outside everything that waits, and that an answer may be shared by"),
    Place(
        "intercept",
        intercept,
        "outside all that goes by a request's fields, coalesce too; the credential goes in far inside, unseen by them",
    ),
    Place(
        "normalize",
        normalize,
        "outside coalesce: who shares an answer is told of its own request; outside retry, which judges the real one",
    ),
    Place("coalesce", coalesce, "outside retry: those who share a call share its whole outcome, not an attempt"),
    Place("min interval", min_interval, "outside retry, whose attempts are one request; inside what makes no call"),
    Place("retry", retry, "outside authenticate: every attempt takes the current credential"),
    Place("hedge", hedge, "inside retry: each attempt may have its own; outside all that a call needs for itself"),
    Place(
        "session cookies",
        session_cookies,
        "outside authenticate: the answer that passes is the one that tells; inside all that shares answers",
    ),
    Place(
        "authenticate",
        authenticate,
        "outside breaker and limits: a sick token endpoint opens no circuit, and a refresh holds no permit",
    ),
    Place("breaker", breaker, "inside retry: counts attempts; outside the limits: fails before anything queues"),
    Place("concurrency", concurrency, "outside the rate limit: who may not be on the wire yet spends no quota"),
    Place("rate limit", rate_limit, "next to the wire: what goes on it spends quota, retries and replays included"),
    Place("deadline", deadline, "next to the wire: nothing waits between telling the time that is left and sending"),
    Place(
        "attempt's span", traced_attempt, "inside all that waits; outside sign: the field that it sets may be signed"
    ),
    Place("sign", sign, "inside all that waits or changes fields: each attempt is signed as it is sent, at its moment"),
    Place("upstream's wire log", upstreams_wire_log, "inside all that changes what is sent"),
    Place("transport", None, "innermost: what it does is on the wire"),
)
"""From the outermost inwards."""


def build_chain(entry: RouteEntry, context: Context) -> Stage:
    """The outermost stage of a route."""
    stage = transport(entry, context)
    for place in reversed(ORDER):
        if place.build is not None:
            stage = place.build(entry, context, stage)
    return stage
