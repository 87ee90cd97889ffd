"""Content up and down: a large form, an upload of unknown length, a range, a compressed answer, a HEAD."""

import hashlib
import io
import os
from collections.abc import AsyncIterator

import aiohttp

from proxy.demo.peer import PACKED, REPORT
from proxy.demo.scene import Reply, Scene, Step

__all__ = ["contents"]

_MEBIBYTE = 2**20


async def contents(scene: Scene) -> AsyncIterator[Step]:
    data = os.urandom(_MEBIBYTE) * 8
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(data), filename="film.bin", content_type="application/octet-stream")
    reply = await scene.ask("POST", "/api/upload", data=form)
    yield scene.step("A form with a file of 8 MiB", reply, _arrived(reply, data))

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), _MEBIBYTE):
            yield data[start : start + _MEBIBYTE]

    reply = await scene.ask("PUT", "/api/upload", data=pieces())
    yield scene.step("An upload of unknown length", reply, _arrived(reply, data))
    async for step in _downloads(scene):
        yield step


def _arrived(reply: Reply, data: bytes) -> dict[str, bool]:
    answer = reply.json()
    return {
        "the API took it": reply.status == 201,
        "every byte arrived": answer.get("size") == len(data),
        "unchanged": answer.get("sha256") == hashlib.sha256(data).hexdigest(),
    }


async def _downloads(scene: Scene) -> AsyncIterator[Step]:
    reply = await scene.ask("GET", "/api/report")
    yield scene.step("A download", reply, {"status 200": reply.status == 200, "every byte": reply.content == REPORT})
    reply = await scene.ask("GET", "/api/report", headers={"Range": "bytes=1000-1099"})
    partial = {"status 206": reply.status == 206, "those bytes": reply.content == REPORT[1000:1100]}
    yield scene.step("A range of it", reply, partial, answer=reply.fields.get("Content-Range", ""))
    reply = await scene.ask("HEAD", "/api/report")
    length = reply.fields.get("Content-Length", "")
    headed = {"no content": reply.content == b"", "the length of the whole": length == str(len(REPORT))}
    yield scene.step("Only its head", reply, headed, answer=f"Content-Length: {length}")
    reply = await scene.ask("GET", "/api/packed", headers={"Accept-Encoding": "gzip"})
    packed = {
        "still compressed": reply.content == PACKED,
        "and said so": reply.fields.get("Content-Encoding") == "gzip",
    }
    yield scene.step("A compressed answer", reply, packed, answer="Content-Encoding: gzip")
