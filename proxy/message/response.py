"""The upstream's response: a head that has been validated, and content that may still be arriving."""

from typing import TYPE_CHECKING

from proxy.message.content import NoContent

if TYPE_CHECKING:
    from proxy.message.content import ResponseContent
    from proxy.message.tunnel import Tunnel

__all__ = ["Response"]

_NO_CONTENT = NoContent()


class Response:
    """A final response, or a 101 with its `tunnel`.

    `lines` are field lines without CRLF, each `name: value`, framing and hop-by-hop fields already removed.
    `rewritable` has the indexes of lines that point into the upstream (`Location`, `Set-Cookie`), `quota` the lines
    that tell of the upstream's limits.
    `content.length` says how the content is framed: a number, or None while only the end will tell.
    """

    __slots__ = ("content", "lines", "quota", "reason", "rewritable", "status", "tunnel")

    def __init__(
        self, status: int, reason: bytes, lines: list[bytes], content: "ResponseContent" = _NO_CONTENT
    ) -> None:
        self.status = status
        self.reason = reason
        self.lines = lines
        self.content = content
        self.rewritable: list[int] | None = None
        self.quota: list[bytes] | None = None
        self.tunnel: Tunnel | None = None

    def get(self, name: bytes) -> bytes | None:
        """The first value of the field `name` (lower case), without its surrounding space."""
        wanted = name + b":"
        for line in self.lines:
            if line[: len(wanted)].lower() == wanted:
                return line[len(wanted) :].strip(b" \t")
        return None

    def close(self) -> None:
        self.content.close()
        if self.tunnel is not None:
            self.tunnel.close()
