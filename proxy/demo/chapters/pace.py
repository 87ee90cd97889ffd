"""Requests that come too fast wait, in order; what is too much is refused; an API's own limit is kept to."""

import asyncio
from collections.abc import AsyncIterator

from proxy.demo.scene import Reply, Scene, Step

__all__ = ["pace"]

_CROWD = 15
_LEAST = 0.4
"""Seconds for a crowd of 15 at 20 a second, 5 of them at once, less what timers err."""


async def pace(scene: Scene) -> AsyncIterator[Step]:
    yield await _crowd(scene)
    report = {"month": "march"}
    await scene.ask("POST", "/metered/reports", json=report)
    reply = await scene.ask("POST", "/metered/reports", json=report)
    yield scene.step("The same report again within ten seconds", reply, _refused(reply), answer=_limit(reply))
    own = {"Outrider-Min-Interval": "10s"}
    await scene.ask("GET", "/metered/hello?a=1", headers=own)
    reply = await scene.ask("GET", "/metered/hello?a=1", headers=own)
    yield scene.step("A caller's own limit on one request", reply, _refused(reply), answer=_limit(reply))
    yield await _used_up(scene)


async def _crowd(scene: Scene) -> Step:
    loop = asyncio.get_running_loop()
    began = loop.time()
    replies = await asyncio.gather(*(scene.ask("GET", "/metered/hello") for _ in range(_CROWD)))
    took = loop.time() - began
    last = max(replies, key=_queued)
    return scene.step(
        f"{_CROWD} requests at once, where 20 a second may go and 5 at once",
        last,
        {
            "all are answered": all(reply.status == 200 for reply in replies),
            "at that pace": took >= _LEAST,
            "Proxy-Status says how long each waited": _queued(last) > 0,
        },
        answer=f"the last one waited {_queued(last)} ms",
    )


async def _used_up(scene: Scene) -> Step:
    """The API's answer says that nothing is left for a second; the next request is not sent before."""
    await scene.ask("GET", "/metered/last")
    reply = await scene.ask("GET", "/metered/hello")
    return scene.step(
        "The API says that its quota is used up for a second",
        reply,
        {"the next request waits": _queued(reply) >= _LEAST * 1000, "and is answered": reply.status == 200},
        answer=f"after {_queued(reply)} ms",
    )


def _queued(reply: Reply) -> int:
    """Milliseconds in line."""
    return int(reply.fields.get("Proxy-Status", "").partition("queued=")[2].partition(";")[0] or 0)


def _refused(reply: Reply) -> dict[str, bool]:
    return {
        **reply.problem(429, "rate_limited"),
        "Retry-After and RateLimit say when": "Retry-After" in reply.fields and "RateLimit" in reply.fields,
        "nothing reached the API": reply.seen is None,
    }


def _limit(reply: Reply) -> str:
    return f"Retry-After: {reply.fields.get('Retry-After', '')}"
