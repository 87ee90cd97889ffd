"""Proofs that the holder of a key is asking (DPoP, RFC 9449): how one is made, and what servers say of nonces.

Pure. What must not live here: where the key comes from and which nonce is current (`proxy.auth.dpop`).
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from proxy.policy.signing_key import SigningKey

__all__ = ["ProofKey", "bare_url", "path_of", "said_nonce", "token_hash", "wants_nonce"]

_NONCE = b"dpop-nonce:"
_CHALLENGE = b"www-authenticate:"
_WANTED = b"use_dpop_nonce"
_SENDABLE = re.compile(rb"[\x21\x23-\x5b\x5d-\x7e]{1,1024}")
"""What may stand in a nonce (RFC 9449 §8.1); longer than servers write one."""

_ASCII = "".join(map(chr, range(0x21, 0x7F)))


class ProofKey:
    """A private key whose public half goes with each proof. `thumbprint` is its name (RFC 7638)."""

    __slots__ = ("_header", "_key", "thumbprint")

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        self.thumbprint = key.thumbprint
        header = {"typ": "dpop+jwt", "alg": key.algorithm, "jwk": key.public}
        # Written once: it is the same for all proofs, and the longest part of them.
        self._header = _base64url(json.dumps(header, separators=(",", ":")).encode()) + b"."

    def proof(
        self, method: str, url: str, moment: int, number: str, *, token: str | None = None, nonce: str | None = None
    ) -> bytes:
        """One for a request of `url`, with the `token_hash` of the token that goes with it; `number` comes once."""
        claims: dict[str, object] = {"jti": number, "htm": method, "htu": url, "iat": moment}
        if token is not None:
            claims["ath"] = token
        if nonce is not None:
            claims["nonce"] = nonce
        signed = self._header + _base64url(json.dumps(claims, separators=(",", ":")).encode())
        return signed + b"." + _base64url(self._key.sign_bytes(signed))


def token_hash(token: bytes) -> str:
    return _base64url(hashlib.sha256(token).digest()).decode()


def bare_url(url: str) -> str:
    """Without query and fragment, as proofs name a target."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path or '/'}"


def path_of(target: bytes) -> str:
    """The path of a request's target, as part of a URL."""
    path = target.partition(b"?")[0]
    if path == b"*":
        # The whole server (RFC 9110 §7.1).
        return ""
    return path.decode() if path.isascii() else quote(path, safe=_ASCII)


def said_nonce(lines: Iterable[bytes]) -> str | None:
    """The nonce that an answer gives for the next proof."""
    for line in lines:
        if line[: len(_NONCE)].lower() == _NONCE:
            value = line[len(_NONCE) :].strip(b" \t")
            return value.decode() if _SENDABLE.fullmatch(value) else None
    return None


def wants_nonce(lines: Iterable[bytes]) -> bool:
    """Whether an answer of status 401 says that a nonce was missing from the proof, or was too old."""
    return any(line[: len(_CHALLENGE)].lower() == _CHALLENGE and _WANTED in line.lower() for line in lines)


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
