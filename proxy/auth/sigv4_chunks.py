"""Content that AWS Signature Version 4 signs chunk by chunk while it streams (`aws-chunked`).

What must not live here: signatures themselves (`proxy.policy.sigv4`), when content is sent so.
"""

from proxy.message import RequestContent
from proxy.policy.sigv4 import Signature, chunk_signature

__all__ = ["CHUNK", "SignedChunks"]

CHUNK = 64 * 1024
"""Bytes of each chunk but the last; S3 takes none below 8 KiB."""

_SIGNATURE = 64
"""Characters."""


class SignedChunks:
    """`source` brings `size` bytes, which are sent in chunks, each signed with the one before it."""

    __slots__ = ("_buffer", "_ended", "_last", "_signature", "_source", "length")

    def __init__(self, source: RequestContent, size: int, signature: Signature) -> None:
        self._source = source
        self._signature = signature
        self._last = signature.value
        self._buffer = bytearray()
        self._ended = False
        self.length: int | None = _framed_length(size)

    def take(self) -> bytes | None:
        return None

    async def read(self) -> bytes:
        if self._ended:
            return b""
        buffer = self._buffer
        while len(buffer) < CHUNK:
            piece = await self._source.read()
            if not piece:
                self._ended = True
                return (self._chunk(bytes(buffer)) if buffer else b"") + self._chunk(b"")
            buffer += piece
        chunks = []
        while len(buffer) >= CHUNK:
            chunks.append(self._chunk(bytes(buffer[:CHUNK])))
            del buffer[:CHUNK]
        return b"".join(chunks)

    def proceed(self) -> None:
        self._source.proceed()

    def _chunk(self, data: bytes) -> bytes:
        self._last = chunk_signature(self._signature, self._last, data)
        return f"{len(data):x};chunk-signature={self._last}\r\n".encode() + data + b"\r\n"


def _framed_length(size: int) -> int:
    whole, rest = divmod(size, CHUNK)
    return whole * _framed(CHUNK) + (_framed(rest) if rest else 0) + _framed(0)


def _framed(size: int) -> int:
    return len(f"{size:x};chunk-signature=") + _SIGNATURE + size + 2 * len("\r\n")
