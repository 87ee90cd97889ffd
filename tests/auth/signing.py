"""Requests as signers are shown them, and what they make of one."""

from typing import Any

from proxy.auth.signer import Outgoing, SecretSigningSource
from proxy.message import Exchange
from tests.auth.tools import FakeClock

__all__ = ["exchange", "lines", "outgoing", "signed"]


def outgoing(method: str = "GET", target: bytes = b"/", **given: Any) -> Outgoing:
    known: dict[str, Any] = {"host": b"api.example", "secure": True, "fields": [], "content": b""}
    return Outgoing(method, target, **(known | given))


def exchange(request: Outgoing) -> Exchange:
    return Exchange(request.method, request.target, request.fields, b"id", 0.0)


def signed(source: SecretSigningSource, request: Outgoing) -> dict[str, str]:
    """The fields that the request is given."""
    key = source.peek(FakeClock()())
    assert key is not None
    assert source.signer is not None
    return lines(source.signer.sign(exchange(request), request, key).lines)


def lines(raw: bytes) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in raw.decode("utf-8", "surrogateescape").split("\r\n")[:-1])
