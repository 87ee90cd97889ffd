"""AWS Signature Version 4: what is signed of a request, and how.

Pure. What must not live here: which content hash is taken, keys beyond their use, fields of Outrider's own.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

__all__ = [
    "ALGORITHM",
    "EMPTY_HASH",
    "Signature",
    "canonical_fields",
    "canonical_path",
    "canonical_query",
    "canonical_request",
    "chunk_signature",
    "derived_key",
    "sign_request",
]

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()

_UNRESERVED = "-_.~"
_PLAIN_PATH = re.compile(rb"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*/?")
"""Paths that are the same in every form: most of them, and to look is cheaper than to encode."""
_PLAIN = re.compile(rb"[A-Za-z0-9_.~-]*")

Fields = Sequence[tuple[bytes, bytes]]


def canonical_path(path: bytes, *, s3: bool) -> bytes:
    """S3 takes the path apart and encodes it once; all others resolve its dots, and encode it as it was sent."""
    if _PLAIN_PATH.fullmatch(path):
        return path
    if s3:
        return quote(unquote_to_bytes(path), safe="/" + _UNRESERVED).encode()
    if b"//" in path or b"/." in path:
        path = _resolved(path)
    return quote(path, safe="/~").encode()


def _resolved(path: bytes) -> bytes:
    """Without dot segments and empty ones."""
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment and segment != b".":
            kept.append(segment)
    end = b"/" if kept and path.endswith(b"/") else b""
    return b"/" + b"/".join(kept) + end


def canonical_query(query: bytes) -> bytes:
    """Parameters in order, each encoded one way whatever way it was sent; a plus is a space, as AWS reads it."""
    if not query:
        return b""
    pairs = []
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if part:
            pairs.append((_encoded(name), _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs)).encode()


def _encoded(text: bytes) -> str:
    if _PLAIN.fullmatch(text):
        return text.decode()
    if b"%" in text or b"+" in text:
        text = unquote_to_bytes(text.replace(b"+", b" "))
    return quote(text, safe=_UNRESERVED)


def canonical_fields(fields: Fields) -> tuple[bytes, bytes]:
    """The lines of `fields`, and the names that are signed."""
    values: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        values.setdefault(name.lower(), []).append(b" ".join(value.split()))
    names = sorted(values)
    return b"".join(name + b":" + b",".join(values[name]) + b"\n" for name in names), b";".join(names)


def canonical_request(method: str, path: bytes, query: bytes, lines: bytes, names: bytes, content_hash: str) -> bytes:
    """`path` and `query` in their canonical form, `lines` and `names` from `canonical_fields`."""
    return b"\n".join((method.encode(), path, query, lines, names, content_hash.encode()))


def derived_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key of a day (`YYYYMMDD`), a region and a service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


@dataclass(frozen=True, slots=True, repr=False)
class Signature:
    """A signature with what further ones, of chunks, are made from."""

    value: str
    key: bytes
    moment: str
    scope: str


def sign_request(key: bytes, moment: str, scope: str, request: bytes) -> Signature:
    """`moment` is `YYYYMMDDTHHMMSSZ`, `scope` is `date/region/service/aws4_request`."""
    text = f"{ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(request).hexdigest()}"
    return Signature(hmac.digest(key, text.encode(), "sha256").hex(), key, moment, scope)


def chunk_signature(signature: Signature, previous: str, data: bytes) -> str:
    """Of a chunk of content that is signed as it streams; `previous` is the chunk's before it, or the request's."""
    text = (
        f"{ALGORITHM}-PAYLOAD\n{signature.moment}\n{signature.scope}\n{previous}\n{EMPTY_HASH}\n"
        f"{hashlib.sha256(data).hexdigest()}"
    )
    return hmac.digest(signature.key, text.encode(), "sha256").hex()
