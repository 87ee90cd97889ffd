"""Tokens that are bound to a key (DPoP, RFC 9449): worth nothing to who has only read them on their way.

Every call of the token endpoint and every request has a proof of its own, good once. What must not live here: how a
proof is made (`proxy.policy.dpop`), where the key comes from (`proxy.auth.proof_key`), the session.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from proxy.auth.field import owned
from proxy.auth.means import Means
from proxy.auth.proof_key import ProofKeys
from proxy.auth.secret_rules import SecretUnavailable
from proxy.auth.session import SessionSource
from proxy.auth.session_report import SessionReport
from proxy.auth.signer import Outgoing
from proxy.auth.source import PreparedInjection, SessionFault, Tokens
from proxy.auth.supply import Failed, Fresh, Supplier
from proxy.clock import Clock
from proxy.message import Exchange, Response
from proxy.message.call import Reply
from proxy.message.exchange import Injection
from proxy.policy.dpop import ProofKey, bare_url, path_of, said_nonce, token_hash, wants_nonce
from proxy.secret import Secret

__all__ = ["BoundSession", "DpopSigner", "TokenProofs"]

_HEADER, _SCHEME = "Authorization", "DPoP"
"""Where a bound token is sent, and the word before it (RFC 9449 §7.1)."""

_ERROR = "use_dpop_nonce"


def _number() -> str:
    return secrets.token_urlsafe(12)


class TokenProofs:
    """The proofs of a profile's calls of token endpoints. `wall` is wall time."""

    __slots__ = ("_nonces", "_wall", "keys")

    def __init__(self, keys: ProofKeys, wall: Clock) -> None:
        self.keys = keys
        self._wall = wall
        self._nonces: dict[str, str] = {}

    async def send(self, url: str, post: Callable[[str, bool], Awaitable[Reply]]) -> Reply:
        """`post(proof, again)` calls `url` with this proof, and once more where the server wants its nonce in it.

        Raises SecretUnavailable, and what `post` raises.
        """
        reply = await post(await self._proof(url), False)
        if self._learn(url, reply) and _asks_for_nonce(reply):
            reply = await post(await self._proof(url), True)
            self._learn(url, reply)
        return reply

    async def _proof(self, url: str) -> str:
        key = await self.keys.current()
        nonce = self._nonces.get(url)
        return key.proof("POST", bare_url(url), int(self._wall()), _number(), nonce=nonce).decode()

    def _learn(self, url: str, reply: Reply) -> bool:
        nonce = said_nonce(reply.lines)
        if nonce is not None:
            self._nonces[url] = nonce
        return nonce is not None


def _asks_for_nonce(reply: Reply) -> bool:
    if reply.status not in (400, 401):
        return False
    try:
        answer = json.loads(reply.content)
    except (ValueError, RecursionError):
        answer = None
    return (isinstance(answer, dict) and answer.get("error") == _ERROR) or wants_nonce(reply.lines)


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class _Proven(PreparedInjection):
    server: tuple[bool, bytes]


class DpopSigner:
    """Puts a proof beside the token. `key` is the one that the session's token is bound to."""

    __slots__ = ("_hash", "_hashed", "_nonces", "_wall", "key")

    def __init__(self, wall: Clock) -> None:
        self._wall = wall
        self._nonces: dict[tuple[bool, bytes], str] = {}
        self._hashed: Injection | None = None
        self._hash = ""
        self.key: ProofKey | None = None

    def wants_content(self, exchange: Exchange) -> int:
        return 0

    def sign(self, exchange: Exchange, outgoing: Outgoing, key: Injection) -> Injection:
        assert self.key is not None
        if key is not self._hashed:
            self._hashed, self._hash = key, token_hash(key.lines.split(b" ")[-1].rstrip())
        server = outgoing.secure, outgoing.host
        url = f"{'https' if outgoing.secure else 'http'}://{outgoing.host.decode()}{path_of(outgoing.target)}"
        moment = int(self._wall())
        proof = self.key.proof(
            outgoing.method, url, moment, _number(), token=self._hash, nonce=self._nonces.get(server)
        )
        return _Proven(lines=key.lines + b"DPoP: " + proof + b"\r\n", server=server)

    def answered(self, signed: Injection, response: Response) -> None:
        assert isinstance(signed, _Proven)
        nonce = said_nonce(response.lines)
        if nonce is not None:
            self._nonces[signed.server] = nonce


class _BoundSupplier:
    """The tokens of `inner`, and for `signer` the key that they are bound to."""

    __slots__ = ("_inner", "_keys", "_signer")

    def __init__(self, inner: Supplier, keys: ProofKeys, signer: DpopSigner) -> None:
        self._inner = inner
        self._keys = keys
        self._signer = signer

    async def supply(self, held: Secret | None) -> Fresh | Failed:
        try:
            await self._keys.current()
        except SecretUnavailable as unavailable:
            return Failed(unavailable.detail, unavailable.said, unavailable.retry_after)
        outcome = await self._inner.supply(held)
        if isinstance(outcome, Fresh):
            self._signer.key = self._keys.last
        return outcome

    def changed(self, now: float) -> bool:
        return self._inner.changed(now)

    async def install(self, tokens: Tokens) -> Fresh | None:
        try:
            await self._keys.current()
            fresh = await self._inner.install(tokens)
            self._signer.key = self._keys.last
        except SecretUnavailable as unavailable:
            raise SessionFault(unavailable.detail) from None
        return fresh

    async def terminate(self) -> str:
        return await self._inner.terminate()

    def version(self) -> object:
        return self._inner.version()

    async def look(self, held: Secret | None) -> Fresh | Failed | None:
        try:
            await self._keys.current()
        except SecretUnavailable:
            return None
        news = await self._inner.look(held)
        if isinstance(news, Fresh):
            self._signer.key = self._keys.last
        return news

    async def close(self) -> None:
        await self._inner.close()


class BoundSession(SessionSource):
    """A session whose token is sent with a proof. `spread()` and `patience` as of every session."""

    __slots__ = ("signer",)

    def __init__(
        self,
        supplier: Supplier,
        keys: ProofKeys,
        means: Means,
        report: SessionReport,
        *,
        prewarm: bool,
        patience: float,
    ) -> None:
        self.signer = DpopSigner(means.wall)
        super().__init__(
            _BoundSupplier(supplier, keys, self.signer),
            _HEADER,
            _SCHEME,
            means.clock,
            means.spread,
            report,
            prewarm=prewarm,
            patience=patience,
        )
        self.strip = owned(_HEADER, "DPoP")

    def challenged(self, response: Response) -> bool:
        """Whether the upstream wants its nonce in the proof; it has nothing against the token."""
        lines = response.lines
        return response.status == 401 and wants_nonce(lines) and said_nonce(lines) is not None
