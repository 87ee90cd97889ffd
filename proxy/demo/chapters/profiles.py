"""Every kind of static credential, each at a door of the API that wants exactly that one."""

import asyncio
from collections.abc import AsyncIterator

from proxy.demo.scene import Reply, Scene, Step

__all__ = ["profiles"]

_DOORS = [
    ("A bearer token from the environment", "/api/hello"),
    ("A user and password", "/partner/hello"),
    ("A key in the query", "/maps/tiles?zoom=3"),
    ("Fields made from a template", "/signed/hello"),
    ("A signature of the request itself", "/sealed/orders?from=1&to=%20"),
    ("A token that a command prints", "/commanded/hello"),
]
_ROTATION_LIMIT = 3.0


async def profiles(scene: Scene) -> AsyncIterator[Step]:
    for title, target in _DOORS:
        reply = await scene.ask("GET", target)
        yield scene.step(title, reply, _admitted(reply))
    before = await scene.ask("GET", "/rotating/hello")
    yield scene.step("A token in a file", before, _admitted(before))
    yield await _rotated(scene, before.saw("Authorization"))


def _admitted(reply: Reply) -> dict[str, bool]:
    return {"the API accepted the credential": reply.status == 200, "the request reached it": reply.seen is not None}


async def _rotated(scene: Scene, old: str) -> Step:
    """Write a new token over the old one; nothing is restarted or told."""
    replacement = scene.folder / "token.new"
    replacement.touch(mode=0o600)
    replacement.write_text(scene.made_up.rotate())
    replacement.replace(scene.folder / "token")
    loop = asyncio.get_running_loop()
    started = loop.time()
    while (reply := await scene.ask("GET", "/rotating/hello")).status != 200:
        if loop.time() - started > _ROTATION_LIMIT:
            break
        await asyncio.sleep(0.02)
    changed = {"the new token is sent": reply.saw("Authorization") != old}
    return scene.step("The file was just rewritten", reply, _admitted(reply) | changed, answer="no restart, no reload")
