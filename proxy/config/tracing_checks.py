"""Whether what `tracing` needs is installed, and whether a collector can be meant.

What must not live here: importing it, which takes longer than reading a configuration.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from proxy.config.cross_checks import Finding, section
from proxy.config.document import Document
from proxy.config.values import origin_of

__all__ = ["port_of_grpc", "tracing_extra"]

_GRPC = 4317
_WANTED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def tracing_extra(document: Document, base: Path) -> Iterator[Finding]:
    """Spans are made and sent by libraries that are not installed by default."""
    if document.data.get("tracing") is not None and not all(map(_is_installed, _WANTED)):
        hint = "install them with: pip install 'outrider[tracing]'"
        yield Finding(("tracing",), "tracing wants libraries that are not installed", hint, True)


def port_of_grpc(document: Document, base: Path) -> Iterator[Finding]:
    """Collectors listen on two ports, and spans go by HTTP."""
    endpoint = section(document.data.get("tracing")).get("endpoint")
    if isinstance(endpoint, str) and origin_of(endpoint) is not None and urlsplit(endpoint).port == _GRPC:
        message = f"{_GRPC} is where collectors take OTLP over gRPC, and spans are sent over HTTP"
        yield Finding(("tracing", "endpoint"), message, "write the port for HTTP, usually 4318", False, "warning")


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
