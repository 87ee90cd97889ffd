"""The keys of the state folder, one or a list: 32 random bytes in base64, as `openssl rand -base64 32` prints them.

A phrase that a person can remember is refused: whoever has a copy of the folder can try as many as they like. What must
not live here: encryption (`proxy.auth.sealing`).
"""

import base64
import binascii
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from proxy.config.base import wrong
from proxy.config.secret_model import LiteralSecret, SecretRef

__all__ = ["HOW_TO_MAKE", "StateKeys", "key_bytes"]

HOW_TO_MAKE = "make one with `openssl rand -base64 32`"

_LENGTH = 32


def key_bytes(text: str) -> bytes | None:
    """The key that `text` stands for, in either alphabet of base64; None when it is not one."""
    try:
        key = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == _LENGTH and len(set(key)) > 8 else None


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _usable(keys: list[SecretRef]) -> list[SecretRef]:
    if any(isinstance(key, LiteralSecret) and key_bytes(key.literal.reveal()) is None for key in keys):
        raise wrong("a key is not 32 random bytes in base64", HOW_TO_MAKE)
    return keys


StateKeys = Annotated[
    list[SecretRef],
    BeforeValidator(_listed, json_schema_input_type=SecretRef | list[SecretRef]),
    AfterValidator(_usable),
]
