"""Spans of requests, attempts, waits and refreshes, made and exported by OpenTelemetry.

It is imported, here and in `span_export`, only where tracing is on. Names and attributes are those of
OpenTelemetry's HTTP conventions; no query, field value or content is in them. What must not live here: when a span
begins and ends (`proxy.stages.tracing`), how it gets to the collector (`proxy.observe.span_export`).
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from proxy import __version__
from proxy.clock import Clock
from proxy.config.tracing_model import Tracing
from proxy.message import Exchange
from proxy.message.trace import Place
from proxy.observe.collector_fields import CollectorFields
from proxy.observe.span_export import SpanExport
from proxy.observe.tally import METHODS

__all__ = ["OpenTelemetry"]

_TRACES = "/v1/traces"
_PATIENCE = 3.0
_LONGEST_PATH, _LONGEST_METHOD = 1024, 32
_PARENT, _STATE = b"traceparent", b"tracestate"

Attributes = Mapping[str, str | int | float | bool]


class OpenTelemetry:
    """A `Tracer`. `clock` is the one by which exchanges begin, `fields` those for the collector."""

    def __init__(self, policy: Tracing, fields: CollectorFields, clock: Clock) -> None:
        resource = Resource.create({"service.name": policy.service, "service.version": __version__})
        sampler = ParentBasedTraceIdRatio(policy.sample)
        self._provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
        base = policy.endpoint.rstrip("/").removesuffix(_TRACES)
        self._provider.add_span_processor(BatchSpanProcessor(SpanExport(base + _TRACES, fields)))
        self._tracer = self._provider.get_tracer("outrider", __version__)
        self._propagator = TraceContextTextMapPropagator()
        self._clock = clock
        self._fields = fields
        # The last one of each profile, and when it ended.
        self._refreshes: dict[str, tuple[SpanContext, int]] = {}

    def begin(self, exchange: Exchange, place: Place) -> "RequestSpan":
        now = time.time_ns()
        began = now - int((self._clock() - exchange.started) * 1e9)
        attributes: dict[str, str | int] = {
            **_method(exchange),
            "url.scheme": "http",
            "url.path": _as_asked(place.prefix, exchange.path),
            "outrider.upstream": place.upstream,
            "outrider.request_id": exchange.request_id.decode("latin-1"),
        }
        if place.route:
            attributes["http.route"] = place.route
        if exchange.caller:
            attributes["outrider.caller"] = exchange.caller
        parent = self._parent(exchange)
        name = f"{_word(exchange)} {place.route}".rstrip()
        return RequestSpan(self, self._start(name, parent, SpanKind.SERVER, attributes, began), parent, place, began)

    def refreshed(self, profile: str, result: str, seconds: float) -> None:
        now = time.time_ns()
        attributes = {"outrider.profile": profile, "outrider.refresh.result": result}
        began = now - int(seconds * 1e9)
        span = self._start("refresh", Context(), SpanKind.INTERNAL, attributes, began)
        if result not in ("success", "shared"):
            span.set_attribute("error.type", result)
            span.set_status(Status(StatusCode.ERROR))
        span.end(now)
        self._refreshes[profile] = span.get_span_context(), now

    async def close(self) -> None:
        # A thread of its own, because a collector that hangs must hold up neither the loop nor the process's end.
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            # The loop is over when it has not waited until now.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=shut_down, name="outrider-tracing-end", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), _PATIENCE)
        await self._fields.close()

    def _parent(self, exchange: Exchange) -> Context:
        carrier: dict[str, str] = {}
        for name in (_PARENT, _STATE):
            values = [value.decode("latin-1") for field, value in exchange.fields if field.lower() == name]
            if values:
                carrier[name.decode()] = ",".join(values)
        return self._propagator.extract(carrier, Context())

    def _start(self, name: str, parent: Context, kind: SpanKind, attributes: Attributes, began: int) -> Span:
        return self._tracer.start_span(name, parent, kind, attributes, start_time=began)

    def wait(self, name: str, parent: Context, began: int, ended: int, profile: str = "") -> None:
        """A span of something that is over: a wait in line, or for the credential of `profile`.

        That one is linked to the refresh that ended meanwhile, which serves all who wait and so is in no one's trace.
        """
        span = self._start(name, parent, SpanKind.INTERNAL, {}, began)
        refresh = self._refreshes.get(profile)
        if refresh is not None and refresh[1] >= began:
            span.add_link(refresh[0])
        span.end(ended)

    def attempt(self, exchange: Exchange, parent: Context, place: Place, began: int) -> "Attempt":
        parts = urlsplit(place.url)
        base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        attributes: dict[str, str | int] = {
            **_method(exchange),
            "url.full": base + _path(exchange.path),
            "server.address": parts.hostname or "",
            "server.port": parts.port or (443 if parts.scheme == "https" else 80),
        }
        if exchange.attempts:
            attributes["http.request.resend_count"] = exchange.attempts
        span = self._start(_word(exchange), parent, SpanKind.CLIENT, attributes, began)
        return Attempt(span)


class RequestSpan:
    """A `Trace`: the span of one request, and what its children need."""

    __slots__ = (
        "_auth", "_began", "_context", "_continued", "_place", "_queued", "_span", "_tracer", "sampled", "span_id",
        "trace_id",
    )  # fmt: skip

    def __init__(self, tracer: OpenTelemetry, span: Span, parent: Context, place: Place, began: int) -> None:
        self._tracer = tracer
        self._span = span
        self._place = place
        self._began = began
        self._context = set_span_in_context(span, Context())
        # Without a parent, a vendor's `tracestate` belongs to no trace that we know.
        self._continued = get_current_span(parent).get_span_context().is_valid
        self._queued = self._auth = 0.0
        context = span.get_span_context()
        self.trace_id = f"{context.trace_id:032x}"
        self.span_id = f"{context.span_id:016x}"
        self.sampled = context.trace_flags.sampled

    def attempt(self, exchange: Exchange) -> "Attempt":
        now = time.time_ns()
        self._waited(exchange, now)
        attempt = self._tracer.attempt(exchange, self._context, self._place, now)
        exchange.fields = _continued(exchange.fields, attempt.parent, keep_state=self._continued)
        return attempt

    def end(self, exchange: Exchange, status: int, error: str = "") -> None:
        self._waited(exchange, time.time_ns())
        span = self._span
        span.set_attribute("http.response.status_code", status)
        span.set_attribute("outrider.attempts", exchange.attempts)
        for mark in ("coalesced", "hedged", "refreshed"):
            if getattr(exchange, mark):
                span.set_attribute(f"outrider.{mark}", True)
        _conclude(span, error or (str(status) if status >= 500 else ""), failed=status >= 500)

    def _waited(self, exchange: Exchange, now: int) -> None:
        """What the request waited for since the last attempt: first for its credential, then in lines."""
        queued = int((exchange.queued - self._queued) * 1e9)
        auth = int((exchange.auth_wait - self._auth) * 1e9)
        self._queued, self._auth = exchange.queued, exchange.auth_wait
        # Waits are measured by the loop's clock, whose milliseconds may reach back before the request.
        in_line = max(self._began, now - max(queued, 0))
        if auth > 0:
            since = max(self._began, in_line - auth)
            self._tracer.wait("wait for credential", self._context, since, in_line, self._place.profile)
        if queued > 0:
            self._tracer.wait("wait in line", self._context, in_line, now)


class Attempt:
    """An `AttemptSpan`. `parent` is the value of the `traceparent` that goes with it."""

    __slots__ = ("_span", "parent")

    def __init__(self, span: Span) -> None:
        self._span = span
        context = span.get_span_context()
        self.parent = b"00-%032x-%016x-%02x" % (context.trace_id, context.span_id, context.trace_flags)

    def end(self, status: int, error: str = "") -> None:
        if status:
            self._span.set_attribute("http.response.status_code", status)
        _conclude(self._span, error or (str(status) if status >= 400 else ""), failed=True)


def _conclude(span: Span, error: str, *, failed: bool) -> None:
    if error:
        span.set_attribute("error.type", error)
        if failed:
            span.set_status(Status(StatusCode.ERROR))
    span.end()


def _continued(
    fields: Sequence[tuple[bytes, bytes]], parent: bytes, *, keep_state: bool
) -> Sequence[tuple[bytes, bytes]]:
    replaced = (_PARENT,) if keep_state else (_PARENT, _STATE)
    return [*(field for field in fields if field[0].lower() not in replaced), (b"traceparent", parent)]


def _method(exchange: Exchange) -> dict[str, str]:
    """The method; an unusual one under a second name, because figures are made by the first."""
    if exchange.method in METHODS:
        return {"http.request.method": exchange.method}
    return {"http.request.method": "_OTHER", "http.request.method_original": exchange.method[:_LONGEST_METHOD]}


def _word(exchange: Exchange) -> str:
    """What stands for the method in a span's name."""
    return exchange.method if exchange.method in METHODS else "HTTP"


def _as_asked(prefix: str, target: bytes) -> str:
    """The path that the caller asked for: with the upstream's prefix, which has been taken off."""
    path = _path(target)
    return prefix + path if path != "*" else path


def _path(target: bytes) -> str:
    return target.partition(b"?")[0][:_LONGEST_PATH].decode("latin-1")
