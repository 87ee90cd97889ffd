"""Metrics for scrapers, and the redacted configuration for people.

What must not live here: what is counted (`proxy.observe`), what is secret (`proxy.config.redact`).
"""

from collections.abc import Callable, Iterator

from proxy.admin.answer import AdminAnswer, document
from proxy.admin.answer import answer as answer_with
from proxy.admin.routes import Ask, Route
from proxy.observe.late import Renderer

__all__ = ["look_routes"]


def look_routes(exposition: Renderer, configuration: Callable[[], object]) -> Iterator[Route]:
    """`configuration` gives what may be shown of it, ready for JSON."""

    async def metrics(ask: Ask) -> AdminAnswer:
        return answer_with(200, *exposition.render(ask.request.headers.get("accept", "")))

    async def config(_: Ask) -> AdminAnswer:
        return document(200, configuration())

    yield Route("GET", "/metrics", metrics, "Prometheus text, or OpenMetrics where accepted.", media="text/plain")
    yield Route("GET", "/api/config", config, "The configuration in force, without its secrets.", gives=dict)
