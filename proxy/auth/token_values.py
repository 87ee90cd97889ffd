"""The values of an answer that gives a token: which text is one, spans and moments in the forms that servers write.

Pure. What must not live here: where in an answer they stand.
"""

import base64
import json
from datetime import datetime
from typing import TypeGuard

__all__ = ["is_token", "jwt_lifetime", "moment", "number"]

_MILLISECONDS = 1e11
"""Epochs above this are in milliseconds."""


def is_token(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= 65536 and value.isascii() and value.isprintable()


def jwt_lifetime(token: str, now: float) -> float | None:
    """What is left of a JWT by its `exp` (RFC 7519 §4.1.4); it is read, not trusted: the API is who verifies it."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    expiry = number(claims.get("exp")) if isinstance(claims, dict) else None
    return None if expiry is None else expiry - now


def moment(value: object) -> float | None:
    """Seconds since the epoch, from seconds, milliseconds or ISO 8601."""
    count = number(value)
    if count is not None:
        return count / 1000 if count > _MILLISECONDS else count
    if not isinstance(value, str):
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if when.tzinfo is None else when.timestamp()


def number(value: object) -> float | None:
    """A finite number, also one that is written as text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < 1e15 else None
