"""Builds the stages around a request and an attempt that make spans, and what they make them with."""

import asyncio
from collections.abc import Callable

from proxy.auth.secret_reader import SecretReader
from proxy.chain.collector_secrets import SecretFields
from proxy.chain.context import Context
from proxy.clock import monotonic
from proxy.config.secret_model import SecretRef
from proxy.config.tracing_model import Tracing
from proxy.message import Stage
from proxy.message.trace import Tracer
from proxy.policy.routing import RouteEntry

__all__ = ["open_tracer", "traced_attempt", "traced_request"]


def open_tracer(
    policy: Tracing | None, open_secret: Callable[[SecretRef], SecretReader], loop: asyncio.AbstractEventLoop
) -> Tracer | None:
    if policy is None:
        return None
    # The libraries of tracing take longer to import than everything else together.
    from proxy.observe.tracing import OpenTelemetry

    readers = {name: open_secret(secret) for name, secret in policy.headers.items()}
    return OpenTelemetry(policy, SecretFields(readers, loop), monotonic)


def traced_request(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    if context.tracer is None:
        return inner
    from proxy.stages.tracing import TracedPlace, TracedRequest

    upstream = entry.upstream
    whole = upstream.prefix.decode()
    route = "" if entry.route is None else whole + entry.route.match.partition(" ")[2]
    prefix = "" if upstream.config.keep_prefix else whole
    place = TracedPlace(upstream.name, route, upstream.config.url, entry.auth, prefix)
    return TracedRequest(context.tracer, place, inner)


def traced_attempt(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    if context.tracer is None:
        return inner
    from proxy.stages.tracing import TracedAttempt

    return TracedAttempt(inner)
