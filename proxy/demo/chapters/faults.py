"""An API that is away, one that hangs up, and one that stops in the middle of its answer."""

from collections.abc import AsyncIterator

import aiohttp
from yarl import URL

from proxy.demo.scene import Scene, Step

__all__ = ["faults"]


async def faults(scene: Scene) -> AsyncIterator[Step]:
    reply = await scene.ask("GET", "/dead/hello")
    yield scene.step("Nothing listens there", reply, reply.problem(502, "upstream_connect_failed"))
    reply = await scene.ask("POST", "/api/dropped")
    yield scene.step("The API hangs up without an answer", reply, reply.problem(502, "upstream_disconnected"))
    yield await _cut(scene)


async def _cut(scene: Scene) -> Step:
    """A cut answer must never look whole: the client's connection is cut as well."""
    received, whole = 0, True
    try:
        async with scene.client.get(URL(f"{scene.base}/api/cut")) as response:
            async for piece in response.content.iter_any():
                received += len(piece)
    except aiohttp.ClientPayloadError:
        whole = False
    return Step(
        "The API stops within its answer",
        "GET /api/cut",
        scene.describe_seen(scene.peer.seen[-1]),
        f"{received // 1024} KiB of 1024, then cut" if not whole else "an answer that looks whole",
        {"the client can tell that it is not whole": not whole},
    )
