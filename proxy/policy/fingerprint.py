"""What is the same of two requests that a limit counts together.

Digests stand for values, so that a key is small whatever it is made of, and holds no caller's field or content. What
must not live here: which answers may be shared, which asks for more (`proxy.policy.dedup`).
"""

from hashlib import blake2b

from proxy.message import Exchange

__all__ = ["LARGEST", "field_key", "fingerprint"]

LARGEST = 2**20
"""Bytes of content that are read ahead for a fingerprint; larger content does not tell requests apart."""

_SIZE = 16


def fingerprint(exchange: Exchange, content: bytes | None) -> bytes:
    """Of method, target and content; `content` is None where it is too large to be read ahead."""
    digest = blake2b(digest_size=_SIZE)
    digest.update(exchange.method.encode())
    digest.update(b" " + exchange.path + b"\n")
    if content is not None:
        digest.update(content)
    return digest.digest()


def field_key(exchange: Exchange, name: bytes) -> bytes:
    """Of the value of a field, all its lines together; empty for requests without it."""
    values = [value for field, value in exchange.fields if field.lower() == name]
    return blake2b(b"\n".join(values), digest_size=_SIZE).digest() if values else b""
