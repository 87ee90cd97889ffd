"""A session that renews itself: a token that expires under fifty calls, one that ends for good, and a new login."""

import asyncio
from collections.abc import AsyncIterator

from proxy.demo.scene import Reply, Scene, Step

__all__ = ["sessions"]

_CALLS = 50
_PATIENCE = 5.0


async def sessions(scene: Scene) -> AsyncIterator[Step]:
    reply = await scene.ask("GET", "/person/hello")
    yield scene.step("A token from a token server, obtained at start", reply, _admitted(reply))
    yield await _expired(scene)
    scene.peer.desk.end_token()
    reply = await scene.ask("POST", "/person/upload", data=b"one coffee")
    status = reply.fields.get("Proxy-Status", "")
    repeated = {"the API took it": reply.status == 201, "Proxy-Status says refreshed": "refreshed" in status}
    yield scene.step("A POST whose token was refused is sent again", reply, repeated, answer=f"Proxy-Status: {status}")
    scene.peer.desk.end_session()
    reply = await scene.ask("GET", "/person/hello")
    yield scene.step("The session was ended elsewhere", reply, reply.problem(401, "session_expired"))
    yield await _logged_in(scene)


def _admitted(reply: Reply) -> dict[str, bool]:
    return {"the API accepted the token": reply.status == 200, "the request reached it": reply.seen is not None}


async def _expired(scene: Scene) -> Step:
    desk = scene.peer.desk
    desk.end_token()
    before = desk.exchanges
    replies = await asyncio.gather(*(scene.ask("GET", "/person/hello") for _ in range(_CALLS)))
    well = sum(reply.status == 200 for reply in replies)
    refreshes = desk.exchanges - before
    return Step(
        f"The token expires under {_CALLS} calls at once",
        f"{_CALLS} × GET /person/hello",
        f"{refreshes} exchange of the refresh token",
        f"{well} × 200",
        {
            "no call failed": well == _CALLS,
            "one refresh": refreshes == 1,
            "no refresh token was used twice": desk.misused == 0,
        },
    )


async def _logged_in(scene: Scene) -> Step:
    """What a login leaves behind is a refresh token in the file; nothing is restarted or told."""
    replacement = scene.folder / "refresh.new"
    replacement.touch(mode=0o600)
    replacement.write_text(scene.made_up.refresh)
    replacement.replace(scene.folder / "refresh")
    loop = asyncio.get_running_loop()
    started = loop.time()
    while (reply := await scene.ask("GET", "/person/hello")).status != 200:
        if loop.time() - started > _PATIENCE:
            break
        await asyncio.sleep(0.05)
    return scene.step("A new login, noticed by itself", reply, _admitted(reply), answer="no restart, no reload")
