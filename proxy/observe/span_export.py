"""The way of spans to the collector: who watches the log is told when it does not take them, and when it does again.

The exporter's own complaints come once for each try, and say neither where nor how many. What must not live here:
making spans (`proxy.observe.tracing`).
"""

import logging
from collections.abc import Sequence
from typing import Any

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from proxy.observe.collector_fields import CollectorFields, FieldsMissing
from proxy.observe.log import LOGGER, event

__all__ = ["SpanExport"]

_TIMEOUT = 5.0
_ITS_OWN_LOG = "opentelemetry.exporter.otlp.proto.http"
_REFUSALS = (401, 403)
_HINTS = {
    **dict.fromkeys(_REFUSALS, "its credential goes into tracing.headers"),
    404: "spans are posted to /v1/traces below tracing.endpoint",
}
_UNREACHED = "tracing.endpoint wants the port for OTLP over HTTP, usually 4318; 4317 is that of gRPC"


class SpanExport(SpanExporter):
    """Posts spans to `url`; called by the thread that gathers them."""

    def __init__(self, url: str, fields: CollectorFields) -> None:
        self._url = url
        self._fields = fields
        self._log = logging.getLogger(LOGGER)
        self._session = _Session()
        self._inner: SpanExporter = OTLPSpanExporter(url, timeout=_TIMEOUT, session=self._session)
        # How many were lost since the last that arrived.
        self._lost = 0
        logging.getLogger(_ITS_OWN_LOG).setLevel(logging.CRITICAL)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            # As toward upstreams: UTF-8, and spaces around it do not count. What sends refuses both otherwise.
            fields = {name: value.strip(" \t").encode() for name, value in self._fields().items()}
        except FieldsMissing as missing:
            return self._failed(len(spans), str(missing))
        self._session.headers.update(fields)
        self._session.status = 0
        result = self._inner.export(spans)
        # What is sent elsewhere has not arrived, whatever the exporter makes of it.
        if result is SpanExportResult.SUCCESS and self._session.status < 300:
            self._arrived()
            return result
        if self._session.status in _REFUSALS:
            self._fields.refused()
        return self._failed(len(spans), self._answer())

    def shutdown(self) -> None:
        if self._lost:
            self._count("spans were lost: they did not reach the collector")
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)

    def _arrived(self) -> None:
        if self._lost:
            self._count("spans were lost; the collector takes them again")
            self._lost = 0

    def _failed(self, number: int, why: str) -> SpanExportResult:
        if not self._lost:
            event(self._log, logging.WARNING, "tracing.export_failed", f"spans are lost: {why}")
        self._lost += number
        return SpanExportResult.FAILURE

    def _answer(self) -> str:
        status = self._session.status
        what = f"answers {status}" if status else "does not answer"
        hint = _HINTS.get(status, "") if status else _UNREACHED
        return f"the collector at {self._url} {what}{hint and '; '}{hint}"

    def _count(self, what: str) -> None:
        # Of those that found no room meanwhile, whoever gathers spans keeps no count.
        event(self._log, logging.WARNING, "tracing.spans_lost", f"at least {self._lost} {what}", lost=self._lost)


class _Session(requests.Session):
    """Keeps the status of the last answer, and follows none elsewhere: the fields for the collector may be secrets."""

    def __init__(self) -> None:
        super().__init__()
        self.status = 0
        # Else a .netrc of whoever runs this would be looked into, and go before tracing.headers.
        self.auth = _as_it_is
        self.hooks["response"].append(self._note)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None

    def _note(self, response: requests.Response, *_: Any, **__: Any) -> None:
        self.status = response.status_code


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
