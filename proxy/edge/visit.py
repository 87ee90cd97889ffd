"""One request as the edge sees it, from its first byte to the last byte of its answer.

What must not live here: decisions.
"""

from typing import TYPE_CHECKING

from proxy.edge.caller_content import CallerContent

if TYPE_CHECKING:
    from aiohttp.http import RawRequestMessage
    from aiohttp.streams import StreamReader

    from proxy.edge.caller import CallerConnection
    from proxy.errors import OutriderError
    from proxy.message import Exchange
    from proxy.pipeline import Chain

__all__ = ["CALLER_GONE", "Visit"]

CALLER_GONE = 499
"""Counted as the status of a request whose caller left before its answer began; never sent."""


class Visit:
    """`status` is what the caller was told, 0 before that; `sent` and `received` are bytes of content.

    `length` is that of the answer's content where it is known, `error` what it ended with; `cut` tells that the caller
    left before it had all of an answer that had begun.
    """

    __slots__ = (
        "admitted", "caller", "chain", "connection", "content", "cut", "error", "exchange", "keep_alive", "length",
        "message", "method", "old", "origin", "payload", "received", "request_id", "sent", "started", "status",
    )  # fmt: skip

    def __init__(
        self,
        connection: "CallerConnection",
        message: "RawRequestMessage",
        payload: "StreamReader",
        request_id: bytes,
        started: float,
    ) -> None:
        self.connection = connection
        self.message = message
        self.payload = payload
        self.method = connection.real_method(message.method)
        self.started = started
        self.request_id = request_id
        self.exchange: Exchange | None = None
        self.chain: Chain | None = None
        self.content: CallerContent | None = None
        self.origin: bytes | None = None
        self.error: OutriderError | None = None
        self.admitted = False
        self.cut = False
        self.caller = ""
        self.keep_alive = False
        self.old = False
        self.status = 0
        self.length: int | None = None
        self.sent = 0
        self.received = 0

    def uses(self, profile: str) -> bool:
        """Whether the request goes with the credential of `profile`."""
        chain, exchange = self.chain, self.exchange
        return chain is not None and exchange is not None and exchange.wants_auth and chain.entry.auth == profile

    def note_gone(self) -> None:
        """The caller has left. The end of a tunnel is nobody's fault."""
        self.keep_alive = False
        self.cut = self.status not in (0, 101)
        self.status = self.status or CALLER_GONE

    def may_keep_alive(self) -> bool:
        """Whether the connection is in step, so that another request may follow on it."""
        content = self.content
        message = self.message
        if message.should_close or message.upgrade or self.connection.is_lame:
            return False
        if content is None:
            return self.payload.is_eof()
        return content.complete and (content.length is not None or self.connection.is_aligned)
