"""A request's content that was read before it is known whether the request is sent at all.

What must not live here: what is made of the content; keeping it for further attempts (`proxy.stages.replay`).
"""

from proxy.message import Exchange, RequestContent

__all__ = ["HeldContent", "hold"]


class HeldContent:
    """`held`, and then what `rest` still brings. It is framed as it came: `length` stays None where it was chunked."""

    __slots__ = ("_held", "_rest", "length")

    def __init__(self, held: bytes, length: int | None, rest: RequestContent | None = None) -> None:
        self._held = held
        self._rest = rest
        self.length = length

    def take(self) -> bytes | None:
        if self._rest is not None:
            return None
        held, self._held = self._held, b""
        return held

    async def read(self) -> bytes:
        if self._held or self._rest is None:
            held, self._held = self._held, b""
            return held
        return await self._rest.read()

    def proceed(self) -> None:
        if self._rest is not None:
            self._rest.proceed()


async def hold(exchange: Exchange, cap: int) -> bytes | None:
    """All of the content, which stays to be sent; None where it is over `cap` bytes. Raises OutriderError."""
    content = exchange.content
    if content is None:
        return b""
    if content.length is not None and content.length > cap:
        return None
    whole = content.take()
    if whole is None:
        pieces, size = [], 0
        content.proceed()
        exchange.expects_continue = False
        while size <= cap and (piece := await content.read()):
            pieces.append(piece)
            size += len(piece)
        whole = b"".join(pieces)
        if size > cap:
            exchange.content = HeldContent(whole, content.length, content)
            return None
    exchange.content = HeldContent(whole, content.length)
    return whole if len(whole) <= cap else None
