"""Looks at the beginning of an answer's content before it is passed on, byte for byte as it came.

No more is read than the judge wants, and nobody waits for long: what trickles is passed on unjudged. What must not live
here: what is looked for (`proxy.policy.unauthorized`).
"""

import asyncio

from proxy.message import Response, ResponseContent
from proxy.policy.unauthorized import Judge

__all__ = ["PATIENCE", "means_refusal"]

PATIENCE = 2.0
"""Seconds for which an answer is held at most while its content is looked at."""


async def means_refusal(response: Response, judge: Judge) -> bool:
    """What `judge` says of the content, which can be read from its start afterwards. Raises UpstreamError."""
    whole = response.content.take()
    if whole is not None:
        response.content = _Peeked(response.content, whole)
        return judge.verdict(whole, whole=True) or False
    try:
        return await _read_on(response, judge)
    except BaseException:
        response.close()
        raise


async def _read_on(response: Response, judge: Judge) -> bool:
    inner, seen = response.content, bytearray()
    verdict: bool | None = None
    try:
        async with asyncio.timeout(PATIENCE):
            while verdict is None:
                piece = await inner.read()
                seen += piece
                verdict = judge.verdict(bytes(seen), whole=not piece)
                if not piece:
                    break
    except TimeoutError:
        # It is not known yet, and whoever waits for an answer that trickles gets what there is.
        verdict = False
    response.content = _Peeked(inner, bytes(seen))
    return verdict or False


class _Peeked:
    """Content of which `seen` was read already."""

    __slots__ = ("_inner", "_seen", "length")

    def __init__(self, inner: ResponseContent, seen: bytes) -> None:
        self._inner = inner
        self._seen = seen
        self.length = inner.length

    @property
    def complete(self) -> bool:
        return self._inner.complete

    def take(self) -> bytes | None:
        rest = self._inner.take()
        if rest is None:
            return None
        seen, self._seen = self._seen, b""
        return seen + rest

    async def read(self) -> bytes:
        if self._seen:
            seen, self._seen = self._seen, b""
            return seen
        return await self._inner.read()

    def close(self) -> None:
        self._seen = b""
        self._inner.close()
