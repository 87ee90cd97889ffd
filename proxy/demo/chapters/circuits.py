"""An API that falls ill and recovers, and one call of many that gets stuck."""

import asyncio
from collections.abc import AsyncIterator

from proxy.demo.scene import Reply, Scene, Step

__all__ = ["circuits"]

_CALLS = 4
_OPEN = 0.25
_LATE = 2.0


async def circuits(scene: Scene) -> AsyncIterator[Step]:
    scene.peer.ill = True
    replies = [await scene.ask("GET", "/fragile/hello") for _ in range(_CALLS)]
    yield scene.step(
        f"The API fails {_CALLS} times in a row",
        replies[-1],
        {"its own answers come through": [reply.status for reply in replies] == [503] * _CALLS},
    )
    reply = await scene.ask("GET", "/fragile/hello")
    yield scene.step("The circuit is open: the API is left alone", reply, _left_alone(reply), answer=_when(reply))
    scene.peer.ill = False
    await asyncio.sleep(_OPEN)
    reply = await scene.ask("GET", "/fragile/hello")
    yield scene.step("It is well again: a probe closes the circuit", reply, {"status 200": reply.status == 200})
    yield await _hedged(scene)


def _left_alone(reply: Reply) -> dict[str, bool]:
    return {
        **reply.problem(503, "circuit_open"),
        "Retry-After says when to come back": "Retry-After" in reply.fields,
        "nothing reached the API": reply.seen is None,
    }


def _when(reply: Reply) -> str:
    return f"Retry-After: {reply.fields.get('Retry-After', '')}"


async def _hedged(scene: Scene) -> Step:
    loop = asyncio.get_running_loop()
    began = loop.time()
    reply = await scene.ask("GET", "/fragile/stuck")
    status = reply.fields.get("Proxy-Status", "")
    return scene.step(
        "A call gets stuck, so a second one is sent; the first answer wins",
        reply,
        {
            "status 200": reply.status == 200,
            "two requests reached the API": len(scene.seen_at(reply)) == 2,
            "nobody waited for the stuck one": loop.time() - began < _LATE,
            "Proxy-Status says hedged": "hedged" in status,
        },
        answer=f"Proxy-Status: {status}",
    )
