"""The admin listener: ready, counting, and silent about secrets."""

import re
from collections.abc import AsyncIterator

from proxy.demo.scene import Scene, Step

__all__ = ["observing"]

_ATTEMPTS = re.compile(r'^outrider_attempts_total\{[^}]*upstream="api"[^}]*\} (\d+)', re.MULTILINE)


async def observing(scene: Scene) -> AsyncIterator[Step]:
    ready = await scene.ask("GET", "/readyz", base=scene.admin)
    yield Step("Health", "GET /readyz (admin)", "", str(ready.status), {"status 200": ready.status == 200})
    metrics = await scene.ask("GET", "/metrics", base=scene.admin)
    counted = sum(int(count) for count in _ATTEMPTS.findall(metrics.content.decode()))
    arrived = sum(seen.target.startswith("/v1/") for seen in scene.peer.seen)
    yield Step(
        "Prometheus metrics",
        "GET /metrics (admin)",
        "",
        f"{metrics.status}\nattempts at api: {counted}",
        {"status 200": metrics.status == 200, "everything that reached the API is counted": counted >= arrived > 0},
    )
    named = await scene.ask("GET", "/metrics", base=scene.admin, headers={"Accept": "application/openmetrics-text"})
    exemplars = named.content.count(b"# {request_id=")
    yield Step(
        "OpenMetrics with exemplars",
        "GET /metrics (admin), Accept: application/openmetrics-text",
        "",
        f"{named.status}\nbuckets that name a request: {exemplars}",
        {"status 200": named.status == 200, "a slow bucket leads to a request": exemplars > 0},
    )
    config = await scene.ask("GET", "/api/config", base=scene.admin)
    shown = (metrics.content + config.content).decode()
    yield Step(
        "The configuration, redacted",
        "GET /api/config (admin)",
        "",
        f"{config.status}, {len(config.content)} bytes",
        {
            "status 200": config.status == 200,
            "no secret in it, nor in the metrics": not any(value in shown for value in scene.made_up.values()),
        },
    )
