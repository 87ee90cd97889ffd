"""An API that takes bound tokens (RFC 9449 §7), and judges each proof with joserfc, by what came on the wire.

`jkt_of` tells the thumbprint that a token is bound to, as its server says; an empty text for a token that is none.
"""

import base64
import hashlib
import time
import warnings
from collections.abc import Callable
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import import_key
from joserfc.jws import JWSRegistry, extract_compact

from proxy.policy.signing_key import ALGORITHMS
from tests.peers.grammar import Request
from tests.peers.raw_upstream import Connection, Scripted
from tests.peers.token_server import answer

__all__ = ["DpopApi"]

_REGISTRY = JWSRegistry(algorithms=list(ALGORITHMS))
_REGISTRY.max_header_length = 4096
"""An RSA key does not go into what is usual for headers."""


class DpopApi(Scripted):
    """Listens for as long as the `async with` lasts. `nonce` is the one that proofs must have, None for none.

    As many good requests as `failures` says are answered 503. `faults` are why requests were refused, in their order,
    an empty text for one that was not.
    """

    def __init__(self, jkt_of: Callable[[str], str]) -> None:
        self.nonce: str | None = None
        self.failures = 0
        self.faults: list[str] = []
        self.claims: list[dict[str, Any]] = []
        self.jkt_of = jkt_of
        self._seen: set[str] = set()
        super().__init__()

    @property
    def requests(self) -> list[Request]:
        return self._raw.requests

    async def _serve(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            fault = self.judge(request)
            self.faults.append(fault)
            lines = [] if self.nonce is None else [b"DPoP-Nonce: " + self.nonce.encode()]
            if not fault and self.failures:
                self.failures -= 1
                await connection.send(answer(503, b"", *lines))
            elif not fault:
                await connection.send(answer(200, request.content or b"ok", *lines, media=b"text/plain"))
            else:
                await connection.send(self._refusal(fault, lines))

    def _refusal(self, fault: str, lines: list[bytes]) -> bytes:
        error = fault if fault in ("use_dpop_nonce", "invalid_token") else "invalid_dpop_proof"
        challenge = f'WWW-Authenticate: DPoP error="{error}", algs="{" ".join(ALGORITHMS)}"'
        return answer(401, {"error": error}, challenge.encode(), *lines)

    def judge(self, request: Request) -> str:
        """What is wrong with it, by RFC 9449 §4.3; an empty text for nothing."""
        head = request.head
        scheme, _, token = (head.get(b"authorization") or b"").decode().partition(" ")
        proofs = head.all(b"dpop")
        if scheme != "DPoP" or len(proofs) != 1:
            return "no proof"
        try:
            header = extract_compact(proofs[0], registry=_REGISTRY).headers()
            key = import_key(header["jwk"])
            with warnings.catch_warnings():
                # EdDSA has a newer name (RFC 9864).
                warnings.simplefilter("ignore", SecurityWarning)
                claims = jwt.decode(proofs[0].decode(), key, registry=_REGISTRY).claims
        except (JoseError, KeyError, ValueError):
            return "no signature"
        self.claims.append(claims)
        if header["typ"] != "dpop+jwt" or key.is_private:
            return "no header of a proof"
        if claims["htm"] != head.method.decode():
            return "htm"
        if claims["htu"] != self.url + head.target.partition(b"?")[0].decode():
            return "htu"
        if abs(claims["iat"] - time.time()) > 60:
            return "iat"
        if claims["ath"] != _hash(token):
            return "ath"
        bound = self.jkt_of(token)
        if not bound:
            return "invalid_token"
        if bound != key.thumbprint():
            return "jkt"
        if claims["jti"] in self._seen:
            return "replayed"
        self._seen.add(claims["jti"])
        if self.nonce is not None and claims.get("nonce") != self.nonce:
            return "use_dpop_nonce"
        return ""


def _hash(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")
