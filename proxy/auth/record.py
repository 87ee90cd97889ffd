"""What is kept of a session, and its form in a file.

Pure. Times are wall time, because another process may read it on another day. What must not live here: where it is kept
(`proxy.auth.store`).
"""

import hashlib
import json
from dataclasses import dataclass

from proxy.secret import REDACTED, Secret

__all__ = ["Record", "decode", "encode", "fingerprint"]

_VERSION = 1


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """A session as it is kept.

    `seed` is the fingerprint of the configured credential that it grew from, `form` of what its access token was asked
    for. `rotates` is whether the server gives a new refresh token with each exchange, None while that is not known.
    `pending` is when an exchange was begun whose answer is not known yet: its refresh token may be used up.
    `ended` is there once the configured credential must not begin a session by itself any more, because one was ended
    or came from outside: a seal of that credential, or an empty text for whichever is configured. `scope` is what the
    server granted, where it said. `spent` are the seeds of sessions that stood here before: what they grew from is used
    up.
    """

    seed: str
    form: str = ""
    access: Secret | None = None
    refresh: Secret | None = None
    obtained_at: float = 0.0
    expires_at: float = 0.0
    rotates: bool | None = None
    pending: float | None = None
    ended: str | None = None
    scope: str = ""
    spent: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Record({REDACTED})"

    @property
    def lifetime(self) -> float:
        return self.expires_at - self.obtained_at

    def remaining(self, now: float) -> float:
        """Seconds that its access token has left; a clock that went back makes it no longer than it ever was."""
        if self.access is None:
            return 0.0
        return self.lifetime - max(0.0, now - self.obtained_at)


def fingerprint(*parts: str) -> str:
    """Tells texts apart without holding them."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def encode(record: Record) -> bytes:
    return json.dumps(
        {
            "version": _VERSION,
            "seed": record.seed,
            "form": record.form,
            "access_token": record.access.reveal() if record.access else None,
            "refresh_token": record.refresh.reveal() if record.refresh else None,
            "obtained_at": record.obtained_at,
            "expires_at": record.expires_at,
            "rotates": record.rotates,
            "pending": record.pending,
            "ended": record.ended,
            "scope": record.scope,
            "spent": record.spent,
        },
        indent=1,
        allow_nan=False,
    ).encode()


def decode(content: bytes) -> Record:
    """Raises ValueError, without a word of the content."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if isinstance(document, dict) and "sealed" in document:
        raise ValueError("it is encrypted, and there is no state.key to read it with")
    if not isinstance(document, dict) or document.get("version") != _VERSION:
        raise ValueError(f"it is not a session of version {_VERSION}")
    rotates = document.get("rotates")
    if rotates is not None and not isinstance(rotates, bool):
        raise ValueError("its member rotates is wrong")
    return Record(
        _text(document, "seed"),
        _text(document, "form"),
        _secret(document, "access_token"),
        _secret(document, "refresh_token"),
        _number(document, "obtained_at") or 0.0,
        _number(document, "expires_at") or 0.0,
        rotates,
        _number(document, "pending"),
        None if document.get("ended") is None else _text(document, "ended"),
        "" if document.get("scope") is None else _text(document, "scope"),
        _texts(document, "spent"),
    )


def _text(document: dict[str, object], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise ValueError(f"its member {name} is wrong")
    return value


def _texts(document: dict[str, object], name: str) -> tuple[str, ...]:
    value = document.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"its member {name} is wrong")
    return tuple(value)


def _secret(document: dict[str, object], name: str) -> Secret | None:
    return None if document.get(name) is None else Secret(_text(document, name))


def _number(document: dict[str, object], name: str) -> float | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"its member {name} is wrong")
    return float(value)
