"""Connections that stay open: events that must arrive at once, and a WebSocket."""

import asyncio
from collections.abc import AsyncIterator

from yarl import URL

from proxy.demo.scene import Scene, Step

__all__ = ["live"]

_PATIENCE = 3.0


async def live(scene: Scene) -> AsyncIterator[Step]:
    yield await _events(scene)
    yield await _messages(scene)


async def _events(scene: Scene) -> Step:
    """The API holds its second event back until the first has arrived here: had it been buffered, this would stall."""
    scene.peer.gate.clear()
    async with asyncio.timeout(_PATIENCE), scene.client.get(URL(f"{scene.base}/api/events")) as response:
        first = await response.content.readuntil(b"\n\n")
        held = not scene.peer.gate.is_set()
        scene.peer.gate.set()
        rest = await response.content.read()
    return Step(
        "Server-sent events",
        "GET /api/events",
        scene.describe_seen(scene.peer.seen[-1]),
        "first event at once,\nsecond when it was sent",
        {
            "the first event came while the API held the second": held and first == b"data: first\n\n",
            "the second followed": rest == b"data: second\n\n",
        },
    )


async def _messages(scene: Scene) -> Step:
    url = URL(f"{scene.base}/api/echo")
    async with asyncio.timeout(_PATIENCE), scene.client.ws_connect(url) as socket:
        await socket.send_str("ping pong")
        answer = await socket.receive_str()
    return Step(
        "A WebSocket",
        "GET /api/echo\nUpgrade: websocket",
        scene.describe_seen(scene.peer.seen[-1]),
        f"101, then {answer!r}",
        {"the echo came back": answer == "echo of ping pong"},
    )
