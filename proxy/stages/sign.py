"""Sign: makes the credential of one attempt, where it depends on what is sent.

Next to the wire: each attempt, retries, hedges and replays included, is signed for itself, with its own moment, after
all waiting. What must not live here: any scheme (`proxy.auth`), what is sent (`proxy.policy.outgoing`).
"""

from proxy.auth.signer import Outgoing, Signer
from proxy.message import Exchange, Response, Stage
from proxy.policy.outgoing import OutgoingRules
from proxy.stages.held_content import HeldContent, hold
from proxy.stages.signature import Signature

__all__ = ["Sign"]


class Sign:
    """`outgoing` are the rules by which the transport encodes the head, `secure` tells of TLS with the upstream."""

    __slots__ = ("_next", "_outgoing", "_secure", "_signer")

    def __init__(self, signer: Signer, outgoing: OutgoingRules, inner: Stage, *, secure: bool) -> None:
        self._signer = signer
        self._outgoing = outgoing
        self._secure = secure
        self._next = inner

    async def send(self, exchange: Exchange) -> Response:
        key = exchange.injection
        if key is None:
            # The caller asked for no credential.
            return await self._next.send(exchange)
        signer, rules, content = self._signer, self._outgoing, exchange.content
        whole = b"" if content is None else None
        if content is not None and (cap := signer.wants_content(exchange)):
            whole = await hold(exchange, cap)
            if whole is not None and content.length is None:
                # Its length is known now, and there are upstreams that take none without it.
                exchange.content = HeldContent(whole, len(whole))
        outgoing = Outgoing(
            exchange.method, rules.target(exchange), rules.host, self._secure, rules.fields(exchange), whole
        )
        signature = exchange.injection = Signature(signer, exchange, outgoing, key)
        response = await self._next.send(exchange)
        # Who sends the request again knows its content by what it was before.
        exchange.content = content
        signer.answered(signature.made, response)
        return response
