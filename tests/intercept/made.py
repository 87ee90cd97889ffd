"""Requests, answers and chains of interceptors for tests."""

from typing import Any

from proxy.errors import OutriderError
from proxy.intercept import Request
from proxy.intercept.link import Link
from proxy.intercept.stage import Intercept
from proxy.message import Exchange, Response
from proxy.message.whole import WholeContent

__all__ = ["Inside", "chain", "exchange", "request"]


def exchange(path: bytes = b"/a?b=c", *fields: tuple[bytes, bytes], content: Any = None) -> Exchange:
    made = Exchange("POST" if content else "GET", path, list(fields), b"id-1", 0.0)
    made.content = content
    return made


def request(path: bytes = b"/a?b=c", *fields: tuple[bytes, bytes], content: Any = None, cap: int = 1000) -> Request:
    made = Request(exchange(path, *fields, content=content), "api")
    made.enter("mine", cap)
    return made


class Inside:
    """The stage inside: answers with `outcome`, or raises it; `seen` is what came."""

    def __init__(self, outcome: Response | OutriderError | None = None) -> None:
        self.outcome = outcome or Response(200, b"OK", [b"X-From: upstream"], WholeContent(b"fine"))
        self.seen: list[Exchange] = []

    async def send(self, exchange: Exchange) -> Response:
        self.seen.append(exchange)
        if isinstance(self.outcome, OutriderError):
            raise self.outcome
        return self.outcome


def chain(inside: Inside, *instances: object, cap: int = 1000, timeout: float = 5.0) -> Intercept:
    """The interceptors are named a, b, …"""
    links = [Link(chr(ord("a") + at), instance, cap, timeout) for at, instance in enumerate(instances)]
    return Intercept(links, "api", inside)
