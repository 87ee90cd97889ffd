"""A collector of spans: takes OTLP over HTTP, reads it with OpenTelemetry's own message types, and keeps what came."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

__all__ = ["CollectedSpan", "OtlpCollector"]

KINDS = {1: "internal", 2: "server", 3: "client"}


class CollectedSpan:
    """A span in plain values; ids in hexadecimal, `parent` empty for a root, times in nanoseconds."""

    def __init__(self, span: Any) -> None:
        self.name: str = span.name
        self.kind = KINDS[span.kind]
        self.trace_id: str = span.trace_id.hex()
        self.span_id: str = span.span_id.hex()
        self.parent: str = span.parent_span_id.hex()
        self.links: list[str] = [link.span_id.hex() for link in span.links]
        self.attributes = {pair.key: _plain(pair.value) for pair in span.attributes}
        self.failed: bool = span.status.code == 2
        self.began: int = span.start_time_unix_nano
        self.ended: int = span.end_time_unix_nano

    def __repr__(self) -> str:
        return f"{self.kind} {self.name} {self.attributes}"


class OtlpCollector:
    """Listens on a free loopback port for as long as the `with` lasts. `fields` have names in lower case.

    With another `status` than 200 it takes nothing, repeats the head that it was sent, and points to `elsewhere`.
    """

    def __init__(self) -> None:
        self.spans: list[CollectedSpan] = []
        self.resources: list[dict[str, object]] = []
        self.raw = b""
        self.status = 200
        self.elsewhere = ""
        self.fields: list[dict[str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if collector.status == 200:
                    collector.take(self.path, dict(self.headers), content)
                self.send_response(collector.status)
                self.send_header("Location", collector.elsewhere)
                # Who takes nothing repeats what it was sent.
                told = b"" if collector.status == 200 else bytes(self.headers)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: object) -> None:
                """Nothing on standard error."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, path: str, fields: dict[str, str], content: bytes) -> None:
        assert path == "/v1/traces"
        self.raw += content
        self.fields.append({name.lower(): value for name, value in fields.items()})
        for group in ExportTraceServiceRequest.FromString(content).resource_spans:
            self.resources.append({pair.key: _plain(pair.value) for pair in group.resource.attributes})
            self.spans += [CollectedSpan(span) for scope in group.scope_spans for span in scope.spans]

    def named(self, kind: str) -> list[CollectedSpan]:
        """The spans of a kind, in the order in which they began."""
        return sorted((span for span in self.spans if span.kind == kind), key=lambda span: span.began)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _plain(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)
