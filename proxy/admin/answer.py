"""What the admin plane is asked and what it answers, and the fields that every answer carries.

What must not live here: which paths exist (`proxy.admin.api`), and sockets (`proxy.edge`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

__all__ = ["SECURITY_FIELDS", "AdminAnswer", "AdminRequest", "document", "problem", "text"]

SECURITY_FIELDS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class AdminRequest(Protocol):
    """`path` is without the query; the names in `headers` are in lower case."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class AdminAnswer:
    """`headers` are beside `Content-Type` and the framing. An answer to HEAD has the body of GET: whoever writes it to
    the wire leaves the body out, and its length in.
    """

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str]


def answer(status: int, content_type: str, body: bytes, **fields: str) -> AdminAnswer:
    """Field names take `-` for `_`."""
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return AdminAnswer(status, content_type, body, {**SECURITY_FIELDS, **headers})


def text(status: int, line: str) -> AdminAnswer:
    return answer(status, "text/plain; charset=utf-8", f"{line}\n".encode())


def document(status: int, value: object) -> AdminAnswer:
    return answer(status, "application/json", json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n")


def problem(status: int, detail: str, **fields: str) -> AdminAnswer:
    """A problem document (RFC 9457 §4.2.1: `about:blank` says no more than the status does)."""
    value = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return answer(status, "application/problem+json", json.dumps(value).encode(), **fields)
