"""Identical requests at once and shortly after each other: one call to the API."""

import asyncio
from collections.abc import AsyncIterator

from proxy.demo.scene import Reply, Scene, Step

__all__ = ["sharing"]

_CALLERS = 50


async def sharing(scene: Scene) -> AsyncIterator[Step]:
    before = len(scene.peer.seen)
    replies = await asyncio.gather(*(scene.ask("GET", "/shared/slow?page=1") for _ in range(_CALLERS)))
    calls = len(scene.peer.seen) - before
    yield scene.step(
        f"{_CALLERS} identical requests at once",
        _sharer(replies),
        {
            "all have status 200": {reply.status for reply in replies} == {200},
            "all have the same content": len({reply.content for reply in replies}) == 1,
            "the API saw one": calls == 1,
        },
        seen=f"{calls} request for {_CALLERS} callers",
        answer=_cache_status(_sharer(replies)),
    )
    reply = await scene.ask("GET", "/shared/slow?page=1")
    kept = {"nothing reached the API": reply.seen is None, "Cache-Status: hit": _cache_status(reply).endswith("; hit")}
    yield scene.step("The same again, a moment later", reply, kept, answer=_cache_status(reply))
    yield await _double_click(scene)
    reply = await scene.ask("GET", "/shared/slow?page=1", headers={"Outrider-Dedup": "off"})
    yield scene.step("Outrider-Dedup: off asks anew", reply, {"it reached the API": reply.seen is not None})


async def _double_click(scene: Scene) -> Step:
    before = len(scene.peer.seen)
    clicks = [scene.ask("POST", "/shared/slow", json={"pay": 100}) for _ in range(2)]
    replies = [*await asyncio.gather(*clicks), await scene.ask("POST", "/shared/slow", json={"pay": 200})]
    calls = len(scene.peer.seen) - before
    return scene.step(
        "A double click on a route that lists POST, and another payment",
        _sharer(replies[:2]),
        {
            "all have status 200": {reply.status for reply in replies} == {200},
            "the API saw two payments, not three": calls == 2,
        },
        seen=f"{calls} requests for 3",
        answer=_cache_status(_sharer(replies[:2])),
    )


def _sharer(replies: list[Reply]) -> Reply:
    """One that was given another's answer."""
    return next((reply for reply in replies if "Cache-Status" in reply.fields), replies[0])


def _cache_status(reply: Reply) -> str:
    return f"Cache-Status: {reply.fields.get('Cache-Status', '')}"
