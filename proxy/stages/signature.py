"""What a signer has made for one attempt, and can make anew for the extra try of a connection that had ended.

What must not live here: when a request is signed (`proxy.stages.sign`), when one is tried again.
"""

from typing import NoReturn

from proxy.auth.signer import Outgoing, Signer
from proxy.message import Exchange
from proxy.message.exchange import Injection
from proxy.secret import REDACTED

__all__ = ["Signature"]


class Signature:
    """`made` is the signer's own; the rest is what goes into the head. Prints redacted."""

    __slots__ = ("_key", "_outgoing", "_signer", "cookie", "lines", "made", "query")

    def __init__(self, signer: Signer, exchange: Exchange, outgoing: Outgoing, key: Injection) -> None:
        self._signer = signer
        self._outgoing = outgoing
        self._key = key
        self.renew(exchange)

    def renew(self, exchange: Exchange) -> None:
        """Sign once more, so that nothing that is good once is sent twice. Raises OutriderError."""
        # The exchange is not kept here: each would hold the other until a collection.
        made = self.made = self._signer.sign(exchange, self._outgoing, self._key)
        self.lines, self.query, self.cookie = made.lines, made.query, made.cookie

    def __repr__(self) -> str:
        return f"Signature({REDACTED})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is not serialised")
