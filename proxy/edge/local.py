"""Requests that are answered here and not passed on: the wire side of the admin plane.

The same connections, strictness and guard as on the proxy listeners. What must not live here: what is answered
(`proxy.admin`, which is handed in).
"""

import contextlib
import logging
import sys
from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

from proxy.edge.caller_content import CallerContent
from proxy.edge.handling import Handling
from proxy.edge.head import RequestHead, read_head
from proxy.edge.problem import problem_answer
from proxy.edge.pump import send_local, stream_local
from proxy.edge.visit import Visit
from proxy.errors import BadRequest, ContentTooLarge, OutriderError

__all__ = ["CONTENT_CAP", "PATIENCE", "LocalAnswer", "LocalHandler", "LocalService", "Question"]

CONTENT_CAP = 64 * 1024
"""Bytes of content that a POST may have."""

_TAKEN = frozenset(("GET", "HEAD", "POST", "DELETE"))
"""Content of other methods is not looked at: they are refused, whatever comes with them."""

PATIENCE = 5.0
"""Seconds in which whoever reads an answer that is streamed must make room for more of it."""


class Question:
    """`path` is without the query; the names in `headers` are in lower case; only a POST has `content`."""

    __slots__ = ("content", "headers", "method", "path", "query", "request_id")

    def __init__(self, visit: Visit, head: RequestHead, content: bytes) -> None:
        self.method = visit.method
        self.path, _, self.query = head.target.decode("utf-8", "replace").partition("?")
        fields = [*head.fields, *(head.own or {}).items()]
        self.headers = {name.decode().lower(): value.decode("utf-8", "surrogateescape") for name, value in fields}
        self.content = content
        self.request_id = visit.request_id


class LocalAnswer(Protocol):
    """`headers` are beside `Content-Type` and the framing; an answer to HEAD has the body too, and it stays here.

    Where there are `pieces`, they are the body, each written as it comes.
    """

    @property
    def status(self) -> int: ...
    @property
    def content_type(self) -> str: ...
    @property
    def body(self) -> bytes: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def pieces(self) -> AsyncGenerator[bytes, None] | None: ...


class LocalService(Protocol):
    """What answers."""

    async def answer(self, request: Question) -> LocalAnswer:
        """Never raises for what a caller sends."""


class LocalHandler(Handling):
    """Handles the requests of the admin listeners with a service."""

    __slots__ = ("_patience", "_service")

    defect = "admin.defect"

    def __init__(self, service: LocalService, log: logging.Logger, patience: float = PATIENCE) -> None:
        super().__init__(log)
        self._patience = patience
        self._service = service

    async def _serve(self, visit: Visit) -> None:
        head = read_head(visit.message, visit.method, visit.connection.head_cap)
        visit.old = head.old
        guard = self.socket_guard if visit.connection.is_local_socket else self.guard
        guard.check_host(head.host)
        # The status page is our own: what it sends names the very Host that was just checked.
        own = head.origin is not None and head.origin.lower() == b"http://" + head.host.lower()
        guard.check_browser(None if own else head.origin, head.site)
        content = b""
        if visit.method in _TAKEN and (head.length or head.chunked):
            content = await self._read(visit, head)
        answer = await self._service.answer(Question(visit, head, content))
        visit.keep_alive = visit.may_keep_alive()
        lines = [
            f"Content-Type: {answer.content_type}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        encoded = [line.encode() for line in lines]
        if answer.pieces is None:
            send_local(visit, answer.status, encoded, answer.body)
            return
        async with contextlib.aclosing(answer.pieces) as pieces:
            await stream_local(visit, answer.status, encoded, pieces, self._patience)

    async def _read(self, visit: Visit, head: RequestHead) -> bytes:
        """Raises BadRequest, ContentTooLarge, RequestTimeout."""
        if visit.method != "POST":
            raise BadRequest(f"A {visit.method} to the admin listener takes no content.")
        # The cap is looked after here, where it has another name than for proxied content.
        content = CallerContent(visit.connection, visit.payload, head.length, sys.maxsize, head.expects)
        visit.content = content
        visit.connection.receive(content)
        content.proceed()
        found = b""
        while piece := await content.read():
            found += piece
            if len(found) > CONTENT_CAP:
                raise ContentTooLarge(f"Content for the admin listener is at most {CONTENT_CAP} bytes.")
        return found

    def _settle(self, visit: Visit, now: float) -> None:
        """Nothing of the admin plane is counted."""

    def _answer_error(self, visit: Visit, error: OutriderError) -> None:
        visit.keep_alive = not error.closes and visit.may_keep_alive()
        lines, content = problem_answer(error, visit.request_id)
        try:
            send_local(visit, error.status, lines, content)
        except ConnectionError:
            visit.keep_alive = False
