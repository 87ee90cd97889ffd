"""An API that fails at first: what Outrider repeats, what it never repeats, and what makes it safe."""

from collections.abc import AsyncIterator

from proxy.demo.scene import Reply, Scene, Step

__all__ = ["retries"]

_KIB = 1024


async def retries(scene: Scene) -> AsyncIterator[Step]:
    yield _twice_and_well(
        scene, "The API fails twice, the caller sees one good answer", await scene.ask("GET", "/api/flaky")
    )
    content = bytes(range(256)) * 4 * 300
    reply = await scene.ask("PUT", "/api/flaky/upload", data=content)
    yield _twice_and_well(scene, f"An upload of {len(content) // _KIB} KiB is sent again whole", reply)
    reply = await scene.ask("POST", "/api/flaky/order", data=b"one coffee")
    yield scene.step(
        "A POST is never sent twice",
        reply,
        {"status 503": reply.status == 503, "one request reached the API": len(scene.seen_at(reply)) == 1},
    )
    reply = await scene.ask("POST", "/api/flaky/keyed", data=b"one coffee")
    yield _with_key(scene, reply)
    reply = await scene.ask("GET", "/api/flaky/off", headers={"Outrider-Retry": "off"})
    yield scene.step("A caller may turn it off", reply, {"status 503": reply.status == 503})


def _twice_and_well(scene: Scene, title: str, reply: Reply) -> Step:
    status = reply.fields.get("Proxy-Status", "")
    contents = {seen.content for seen in scene.seen_at(reply)}
    return scene.step(
        title,
        reply,
        {
            "status 200": reply.status == 200,
            "three requests reached the API": len(scene.seen_at(reply)) == 3,
            "with the same content": len(contents) == 1,
            "Proxy-Status has attempts=3": "attempts=3" in status,
        },
        answer=f"Proxy-Status: {status}",
    )


def _with_key(scene: Scene, reply: Reply) -> Step:
    """The route says `idempotency_key: auto`, so that the API can tell a repetition from a second order."""
    keys = [seen.fields.get("idempotency-key", "") for seen in scene.seen_at(reply)]
    return scene.step(
        "Unless it carries a key",
        reply,
        {
            "status 200": reply.status == 200,
            "the same key three times": len(keys) == 3 and len(set(keys)) == 1 and keys[0] != "",
        },
        seen=f"Idempotency-Key: {keys[-1][:8]}…, {len(keys)} times" if keys else "",
    )
