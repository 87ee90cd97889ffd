"""Health for supervisors: whether the daemon lives, has started, and wants requests.

What must not live here: what makes it so (`proxy.admin.health`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from proxy.admin.answer import AdminAnswer, document, text
from proxy.admin.health import Health
from proxy.admin.routes import Ask, Route

__all__ = ["probe_routes"]


@dataclass(frozen=True, slots=True)
class Probed:
    """A word, and what stands in the way, or is worth knowing."""

    status: str
    reasons: list[str]


class _Probes:
    def __init__(self, health: Health) -> None:
        self._health = health

    async def live(self, ask: Ask) -> AdminAnswer:
        # That this line runs is the proof: the loop turns.
        return _said(ask, 200, "live", [])

    async def startup(self, ask: Ask) -> AdminAnswer:
        if self._health.started:
            return _said(ask, 200, "started", [])
        return _said(ask, 503, "not started", ["starting"])

    async def ready(self, ask: Ask) -> AdminAnswer:
        reasons = self._health.reasons
        if reasons:
            return _said(ask, 503, "not ready", reasons)
        return _said(ask, 200, "ready", self._health.notes)


def probe_routes(health: Health) -> Iterator[Route]:
    probes = _Probes(health)
    for path, handle, summary, otherwise in (
        ("/livez", probes.live, "Whether the process turns.", ""),
        ("/readyz", probes.ready, "Whether it wants requests.", "Not now, and why."),
        ("/startupz", probes.startup, "Whether it has started.", "Not yet."),
    ):
        statuses = {503: otherwise} if otherwise else {}
        yield Route("GET", path, handle, summary, gives=Probed, media="text/plain", statuses=statuses, open=True)


def _said(ask: Ask, status: int, word: str, reasons: list[str]) -> AdminAnswer:
    if "application/json" in ask.request.headers.get("accept", "").lower():
        return document(status, Probed(word, reasons), Probed)
    return text(status, f"{word}: {'; '.join(reasons)}" if reasons else word)
