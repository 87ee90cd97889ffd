"""Normalize: an upstream's error answers leave as problem documents, like Outrider's own.

Outside coalesce, so that each caller is told its own request's name. Answers below 400 pass as they come, unread. What
must not live here: what the document says (`proxy.policy.upstream_error`).
"""

import asyncio
from dataclasses import dataclass

from proxy.errors import OutriderError
from proxy.message import Exchange, Response, ResponseContent, Stage
from proxy.message.whole import WholeContent
from proxy.policy.decoding import coding_of
from proxy.policy.upstream_error import Facts, Message, kept_lines, problem_content, read_body

__all__ = ["Normalize", "NormalizeRules"]

_LEAST = 400


@dataclass(frozen=True, slots=True)
class NormalizeRules:
    """At most `max_bytes` of an answer are read, for at most `max_wait` seconds."""

    upstream: str
    message: Message
    max_bytes: int
    max_wait: float


class Normalize:
    __slots__ = ("_next", "_rules")

    def __init__(self, rules: NormalizeRules, inner: Stage) -> None:
        self._rules = rules
        self._next = inner

    async def send(self, exchange: Exchange) -> Response:
        response = await self._next.send(exchange)
        if response.status < _LEAST or response.tunnel is not None:
            return response
        return await self._normalized(exchange, response)

    async def _normalized(self, exchange: Exchange, response: Response) -> Response:
        rules = self._rules
        try:
            pieces, complete = await _read(response.content, rules.max_bytes, rules.max_wait)
        finally:
            response.close()
        coding = coding_of(response.get(b"content-encoding"))
        body = read_body(pieces, coding, rules.max_bytes, complete=complete)
        facts = Facts(response.status, rules.upstream, exchange.attempts, exchange.request_id)
        content = problem_content(facts, body, rules.message)
        return Response(response.status, response.reason, kept_lines(response.lines), WholeContent(content))


async def _read(content: ResponseContent, cap: int, limit: float) -> tuple[bytes, bool]:
    """What came of it up to the cap and the limit, and whether that is all: an answer that breaks off, or takes too
    long, has told its status already."""
    whole = content.take()
    if whole is not None:
        return whole[: cap + 1], len(whole) <= cap
    pieces = bytearray()
    try:
        async with asyncio.timeout(limit):
            while len(pieces) <= cap:
                piece = await content.read()
                if not piece:
                    return bytes(pieces), True
                pieces += piece
    except (TimeoutError, OutriderError):
        pass
    return bytes(pieces[:cap]), False
