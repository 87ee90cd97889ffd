"""Encryption of what is kept: AES-256-GCM with a key that is not in the folder.

A sealed record says which key it wants, and for which profile it was made, so that a file that was put in another's
place is not taken. What must not live here: files (`folder_store`), what a record holds (`record`).
"""

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.auth.secret_rules import SecretReader, SecretUnavailable
from proxy.auth.store import StoreFailed
from proxy.config.state_key_model import HOW_TO_MAKE, key_bytes
from proxy.secret import Secret

__all__ = ["AesSealer"]

_VERSION = "sealed-1"
_NONCE = 12


class AesSealer:
    """Seals with the first of `keys`, and opens what any of them has sealed."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Sequence[SecretReader]) -> None:
        self._keys = tuple(keys)

    async def seal(self, profile: str, content: bytes) -> bytes:
        key = _key(await _read(self._keys[0]))
        nonce = os.urandom(_NONCE)
        sealed = nonce + AESGCM(key).encrypt(nonce, content, _bound(profile))
        document = {"version": _VERSION, "key": _name(key), "sealed": base64.b64encode(sealed).decode()}
        return json.dumps(document, indent=1).encode()

    async def open(self, profile: str, content: bytes) -> bytes:
        document = _document(content)
        if document is None:
            # From the time before there was a key.
            return content
        wanted, sealed = document
        for reader in self._keys:
            key = _key(await _read(reader))
            if _name(key) == wanted:
                try:
                    return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(profile))
                except (InvalidTag, ValueError):
                    raise StoreFailed(f"what is kept of {profile} was damaged or exchanged; remove its file") from None
        raise StoreFailed(
            f"what is kept of {profile} is encrypted with another key ({wanted}) than those of state.key; "
            "list that one too, or remove the file to begin a new session"
        )

    async def is_current(self, content: bytes) -> bool:
        """Whether it is sealed with the key that seals now."""
        document = _document(content)
        return document is not None and document[0] == _name(_key(await _read(self._keys[0])))

    async def close(self) -> None:
        for key in self._keys:
            await key.close()


async def _read(reader: SecretReader) -> Secret:
    try:
        return await reader.read()
    except SecretUnavailable as unavailable:
        raise StoreFailed(f"state.key: {unavailable.detail}") from None


def _key(secret: Secret) -> bytes:
    key = key_bytes(secret.reveal())
    if key is None:
        raise StoreFailed(f"state.key is not 32 random bytes in base64; {HOW_TO_MAKE}")
    return key


def _name(key: bytes) -> str:
    """Tells keys apart."""
    return hashlib.sha256(b"outrider state key\0" + key).hexdigest()[:8]


def _bound(profile: str) -> bytes:
    return b"outrider session\0" + profile.encode()


def _document(content: bytes) -> tuple[str, bytes] | None:
    """The key's name and the sealed bytes; None of anything else. Raises StoreFailed for what is broken."""
    if _VERSION.encode() not in content[:64]:
        return None
    try:
        document = json.loads(content)
        return str(document["key"]), base64.b64decode(document["sealed"], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise StoreFailed("an encrypted session's file is damaged; remove it to begin a new one") from None
