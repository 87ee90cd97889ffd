"""What the admin plane is asked and what it answers, and the fields that every answer carries.

What must not live here: which paths exist (`proxy.admin.routes`), and sockets (`proxy.edge`).
"""

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from pydantic import TypeAdapter

from proxy.edge.problem import problem_answer
from proxy.errors import OutriderError

__all__ = ["SECURITY_FIELDS", "AdminAnswer", "AdminRequest", "adapter", "document", "event_stream", "problem", "text"]

SECURITY_FIELDS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class AdminRequest(Protocol):
    """`path` is without the query; the names in `headers` are in lower case; only a POST has `content`."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...
    @property
    def request_id(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class AdminAnswer:
    """`headers` are beside `Content-Type` and the framing. An answer to HEAD has the body of GET: whoever writes it to
    the wire leaves the body out, and its length in. `pieces` stand for a body that is written as it comes.
    """

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str]
    pieces: AsyncGenerator[bytes, None] | None = None


def answer(status: int, content_type: str, body: bytes, **fields: str) -> AdminAnswer:
    """Field names take `-` for `_`; those of `SECURITY_FIELDS` may be replaced."""
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return AdminAnswer(status, content_type, body, {**SECURITY_FIELDS, **headers})


def text(status: int, line: str) -> AdminAnswer:
    return answer(status, "text/plain; charset=utf-8", f"{line}\n".encode())


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """What turns values of a type into JSON, and the type into a schema."""
    return TypeAdapter(kind)


def document(status: int, value: object, kind: Any = None) -> AdminAnswer:
    """`kind` is the type of a value that is not made of plain ones."""
    if kind is None:
        body = json.dumps(value, indent=2, ensure_ascii=False).encode()
    else:
        body = adapter(kind).dump_json(value, indent=2)
    return answer(status, "application/json", body + b"\n")


def event_stream(pieces: AsyncGenerator[bytes, None]) -> AdminAnswer:
    """Server-sent events."""
    return AdminAnswer(200, "text/event-stream", b"", SECURITY_FIELDS, pieces)


def problem(error: OutriderError, request_id: bytes) -> AdminAnswer:
    """A problem document, in the one form of all errors."""
    lines, content = problem_answer(error, request_id)
    fields = dict(line.decode().split(": ", 1) for line in lines)
    content_type = fields.pop("Content-Type")
    return AdminAnswer(error.status, content_type, content, {**SECURITY_FIELDS, **fields})
