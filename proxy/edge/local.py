"""Requests that are answered here and not passed on: the wire side of the admin plane.

The same connections, strictness and guard as on the proxy listeners. What must not live here: what is answered
(`proxy.admin`, which is handed in).
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader

from proxy.edge.caller import CallerConnection
from proxy.edge.head import read_head
from proxy.edge.problem import problem_answer
from proxy.edge.pump import send_local
from proxy.edge.server import EdgeServer
from proxy.edge.visit import Visit
from proxy.errors import BadRequest, InternalError, OutriderError
from proxy.policy.guard import Guard

__all__ = ["LocalAnswer", "LocalHandler", "LocalService", "Question"]


class Question:
    """`path` is without the query; the names in `headers` are in lower case."""

    __slots__ = ("headers", "method", "path", "query")

    def __init__(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers


class LocalAnswer(Protocol):
    """`headers` are beside `Content-Type` and the framing; an answer to HEAD has the body too, and it stays here."""

    @property
    def status(self) -> int: ...
    @property
    def content_type(self) -> str: ...
    @property
    def body(self) -> bytes: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


class LocalService(Protocol):
    """What answers."""

    async def answer(self, request: Question) -> LocalAnswer:
        """Never raises for what a caller sends."""


class LocalHandler:
    """Handles the requests of the admin listeners with a service. `server` and `guard` are set once they are known."""

    __slots__ = ("_log", "_loop", "_service", "guard", "server", "socket_guard")

    server: EdgeServer
    guard: Guard
    socket_guard: Guard

    def __init__(
        self,
        service: LocalService,
        log: logging.Logger,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._service = service
        self._log = log
        self._loop = loop

    async def __call__(self, connection: CallerConnection, message: RawRequestMessage, payload: StreamReader) -> bool:
        visit = Visit(connection, message, payload, self.server.new_request_id(), self._loop.time())
        try:
            await self._serve(visit)
        except OutriderError as error:
            self._refuse(visit, error)
        except ConnectionError:
            visit.keep_alive = False
        except Exception:
            # A defect of ours, as at the proxy listeners.
            self._log.exception("internal error", extra={"event": "admin.defect"})
            self._refuse(visit, InternalError("Outrider failed at this request; its log has the trace."))
        visit.connection.rest(self._loop.time())
        return visit.keep_alive

    async def _serve(self, visit: Visit) -> None:
        head = read_head(visit.message, visit.method, visit.connection.head_cap)
        visit.old = head.old
        guard = self.socket_guard if visit.connection.is_local_socket else self.guard
        guard.check_host(head.host)
        guard.check_browser(head.origin, head.site)
        if head.length or head.chunked:
            raise BadRequest("The admin plane takes no content.")
        path, _, query = head.target.decode("utf-8", "replace").partition("?")
        fields = {name.decode().lower(): value.decode("utf-8", "surrogateescape") for name, value in head.fields}
        answer = await self._service.answer(Question(visit.method, path, query, fields))
        visit.keep_alive = visit.may_keep_alive()
        lines = [
            f"Content-Type: {answer.content_type}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        send_local(visit, answer.status, [line.encode() for line in lines], answer.body)

    def _refuse(self, visit: Visit, error: OutriderError) -> None:
        visit.keep_alive = not error.closes and visit.may_keep_alive()
        lines, content = problem_answer(error, visit.request_id)
        try:
            send_local(visit, error.status, lines, content)
        except ConnectionError:
            visit.keep_alive = False
