"""Errors in one shape, and interceptors that change, answer or refuse."""

from collections.abc import AsyncIterator

from proxy.demo.scene import Reply, Scene, Step

__all__ = ["interceptors"]


async def interceptors(scene: Scene) -> AsyncIterator[Step]:
    reply = await scene.ask("POST", "/vetted/refused", json={"amount": 3})
    yield _normalized(scene, reply)
    reply = await scene.ask("GET", "/vetted/hello?q=tea&debug=1")
    yield scene.step(
        "Edits without code, and a class of one's own, on the way there and back",
        reply,
        {
            "q has become query, debug is gone": reply.seen is not None
            and reply.seen.target == "/vetted/hello?query=tea&limit=10",
            "the class put its field in": reply.saw("X-Team") == "payments",
            "and one into the answer": reply.fields.get("X-Vetted-By") == "payments",
        },
        answer=f"X-Vetted-By: {reply.fields.get('X-Vetted-By')}",
        seen=f"X-Team: {reply.saw('X-Team')}",
    )
    reply = await scene.ask("DELETE", "/vetted/hello")
    yield scene.step(
        "What the class refuses never reaches the API",
        reply,
        {**reply.problem(403, "request_refused"), "the API saw nothing": reply.seen is None},
        answer=str(reply.json().get("detail")),
    )


def _normalized(scene: Scene, reply: Reply) -> Step:
    document = reply.json()
    return scene.step(
        "The API's own error, in the shape of all others",
        reply,
        {
            "the API's status": reply.status == 422,
            "a problem document": reply.fields.get("Content-Type") == "application/problem+json"
            and document.get("code") == "upstream_error",
            "its sentence is the detail": document.get("detail") == "no such currency",
            "its own words are kept": document.get("upstream_error") == {"error": {"message": "no such currency"}},
        },
        answer=f"detail: {document.get('detail')}",
    )
