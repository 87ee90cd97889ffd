"""What happens to paths, host names and redirects."""

from collections.abc import AsyncIterator

from proxy.demo.scene import Scene, Step

__all__ = ["addresses"]

_AWKWARD = "/a%2fb/%7Euser;v=1//c?q=%zz&r=a+b&&s"


async def addresses(scene: Scene) -> AsyncIterator[Step]:
    reply = await scene.ask("GET", f"/api{_AWKWARD}")
    same = reply.seen is not None and reply.seen.target == f"/v1{_AWKWARD}"
    yield scene.step("Path and query, byte for byte", reply, {"the same bytes below the base path": same})
    host = f"maps.localhost:{scene.base.rpartition(':')[2]}"
    reply = await scene.ask("GET", "/by/name", headers={"Host": host})
    admitted = {"the API accepted the key": reply.status == 200, "no prefix was needed": reply.seen is not None}
    yield scene.step("An API met by host name", reply, admitted, answer="Host: maps.localhost")
    reply = await scene.ask("GET", "/api/moved")
    location = reply.fields.get("Location", "")
    yield scene.step(
        "A redirect to the API's own address",
        reply,
        {"status 302": reply.status == 302, "it leads back here": location == f"{scene.base}/api/hello"},
        answer=f"Location: {location}",
    )
