"""What a caller sends that Outrider replaces, removes or obeys."""

from collections.abc import AsyncIterator

from proxy.demo.scene import Scene, Step

__all__ = ["callers"]


async def callers(scene: Scene) -> AsyncIterator[Step]:
    reply = await scene.ask("GET", "/api/hello", headers={"Authorization": "Bearer of-the-caller"})
    yield scene.step(
        "A caller's own credential is replaced",
        reply,
        {
            "the API accepted the credential": reply.status == 200,
            "the caller's is gone": "of-the-caller" not in reply.saw("Authorization"),
        },
    )
    reply = await scene.ask("GET", "/api/hello", headers={"Outrider-Auth": "none"})
    yield scene.step(
        "Outrider-Auth: none sends none",
        reply,
        {
            "the API's own 401 passes": reply.status == 401 and reply.json().get("message") == "not authorised",
            "no credential was sent": not reply.saw("Authorization"),
            "the word itself is not sent on": not reply.saw("Outrider-Auth"),
        },
        answer="the API's own answer",
    )
    reply = await scene.ask("GET", "/api/hello", headers={"X-Debug": "1", "Connection": "X-Hop", "X-Hop": "1"})
    yield scene.step(
        "Fields are set, removed and kept local",
        reply,
        {
            "the configured field is set": reply.saw("X-Team") == "payments",
            "the removed field is gone": not reply.saw("X-Debug"),
            "a hop-by-hop field is gone": not reply.saw("X-Hop"),
            "the answer names its request": "Outrider-Request-Id" in reply.fields,
            "the answer says its way": reply.fields.get("Via", "").endswith("1.1 outrider"),
        },
        seen=f"X-Team: {reply.saw('X-Team')}",
        answer=f"Via: {reply.fields.get('Via', '')}",
    )
