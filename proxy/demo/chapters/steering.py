"""The operator steps in: a request in flight is watched and cancelled, a session is ended."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from yarl import URL

from proxy.demo.scene import Scene, Step

__all__ = ["steering"]

_PATIENCE = 5.0
_CONFIRMED = {"Outrider-Admin": "1"}


async def steering(scene: Scene) -> AsyncIterator[Step]:
    yield await _cancelled(scene)
    reply = await scene.ask("POST", "/api/profiles/person/terminate", base=scene.admin)
    refused = {"status 403": reply.status == 403, "it says which field": b"Outrider-Admin: 1" in reply.content}
    yield scene.step("A state change without its field", reply, refused)
    ended = await scene.ask("POST", "/api/profiles/person/terminate", base=scene.admin, headers=_CONFIRMED)
    reply = await scene.ask("GET", "/person/hello")
    expected = {"the session was ended": ended.status == 200, **reply.problem(401, "session_expired")}
    yield scene.step("A session is ended", reply, expected)


async def _cancelled(scene: Scene) -> Step:
    """The API holds its answer back half-way, and is left alone once nobody waits for it any more."""
    scene.peer.gate.clear()
    url, named = URL(f"{scene.base}/api/events"), {"Outrider-Request-Id": "watched"}
    cut = False
    async with asyncio.timeout(_PATIENCE), scene.client.get(url, headers=named) as response:
        await response.content.readuntil(b"\n\n")
        watched = await scene.ask("GET", "/api/requests/watched", base=scene.admin)
        cancelled = await scene.ask("DELETE", "/api/requests/watched", base=scene.admin, headers=_CONFIRMED)
        # Were it not cut, its end would come now.
        scene.peer.gate.set()
        try:
            await response.content.read()
        except aiohttp.ClientError:
            cut = True
    shown: dict[str, Any] = next(iter(watched.json().get("requests", [])), {})
    down = shown.get("bytes_down", 0)
    return Step(
        "A request is watched, and cancelled",
        "GET /api/requests/watched\nDELETE /api/requests/watched",
        scene.describe_seen(scene.peer.seen[-1]),
        f"{down} bytes down, stage {shown.get('stage')}\nthen cut",
        {
            "its bytes are told while it runs": down > 0,
            "it was cancelled": cancelled.json().get("cancelled") == 1,
            "what its caller got does not look whole": cut,
        },
    )
