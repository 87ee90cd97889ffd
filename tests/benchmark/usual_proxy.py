"""The usual proxy: what one finds when one looks for a reverse proxy with aiohttp. `usual_proxy.py PORT UPSTREAM`."""

import sys
from collections.abc import AsyncIterator, Mapping

from aiohttp import ClientSession, web

HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host"}
UPSTREAM = web.AppKey("upstream", str)
SESSION = web.AppKey("session", ClientSession)


def end_to_end(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP]


async def handle(request: web.Request) -> web.StreamResponse:
    url = request.app[UPSTREAM] + request.path_qs
    headers = [*end_to_end(request.headers), ("Authorization", "Bearer benchmark-token")]
    data = request.content if request.can_read_body else None
    async with request.app[SESSION].request(
        request.method, url, headers=headers, data=data, allow_redirects=False
    ) as answer:
        response = web.StreamResponse(status=answer.status, headers=dict(end_to_end(answer.headers)))
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
        return response


async def session(app: web.Application) -> AsyncIterator[None]:
    async with ClientSession(auto_decompress=False) as app[SESSION]:
        yield


if __name__ == "__main__":
    app = web.Application()
    app[UPSTREAM] = sys.argv[2]
    app.cleanup_ctx.append(session)
    app.router.add_route("*", "/{path:.*}", handle)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
