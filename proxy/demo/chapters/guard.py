"""Requests that never reach an API: from web pages, under a foreign name, or for nothing that is configured."""

from collections.abc import AsyncIterator

from proxy.demo.scene import Reply, Scene, Step

__all__ = ["guard"]


async def guard(scene: Scene) -> AsyncIterator[Step]:
    reply = await scene.ask("GET", "/api/hello", headers={"Origin": "https://web.page.example"})
    yield scene.step("A web page in a browser", reply, _refused(reply, 403, "origin_not_allowed"))
    reply = await scene.ask("GET", "/api/hello", headers={"Host": "rebound.example"})
    yield scene.step("A foreign name (DNS rebinding)", reply, _refused(reply, 421, "host_not_allowed"))
    reply = await scene.ask("GET", "/metrics", base=scene.admin, headers={"Host": "rebound.example"})
    yield scene.step("The same at the admin listener", reply, _refused(reply, 421, "host_not_allowed"))
    reply = await scene.ask("GET", "/elsewhere")
    yield scene.step("A path that no upstream has", reply, _refused(reply, 404, "route_not_found"))


def _refused(reply: Reply, status: int, code: str) -> dict[str, bool]:
    return reply.problem(status, code) | {"the API saw nothing": reply.seen is None}
