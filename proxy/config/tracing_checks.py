"""Whether what `tracing` needs is installed.

What must not live here: importing it, which takes longer than reading a configuration.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from proxy.config.cross_checks import Finding
from proxy.config.document import Document

__all__ = ["tracing_extra"]

_WANTED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def tracing_extra(document: Document, base: Path) -> Iterator[Finding]:
    """Spans are made and sent by libraries that are not installed by default."""
    if document.data.get("tracing") is not None and not all(map(_is_installed, _WANTED)):
        hint = "install them with: pip install 'outrider[tracing]'"
        yield Finding(("tracing",), "tracing wants libraries that are not installed", hint, True)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
