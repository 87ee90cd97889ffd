"""What a credential command printed: a plain token, or an ExecCredential document with token and expiry.

Pure. The document is that of Kubernetes' client authentication plugins (`client.authentication.k8s.io`). What must not
live here: running the command.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from proxy.auth.secret_rules import SecretUnavailable, accept_bytes, accept_text
from proxy.clock import NEVER
from proxy.secret import Secret

__all__ = ["Token", "parse_output"]


@dataclass(frozen=True, slots=True)
class Token:
    """`lifetime` is in seconds from now on, `NEVER` for a token without end."""

    secret: Secret
    lifetime: float


def parse_output(output: bytes, source: str, ttl: float, wall_now: float) -> Token:
    """Raises SecretUnavailable; `ttl` counts where the output names no expiry, 0 for ever.

    `wall_now` is wall time, because an expiry is; only the distance between the two is used further.
    """
    if not output.lstrip().startswith(b"{"):
        return Token(accept_bytes(output, source), ttl or NEVER)
    try:
        document = json.loads(output)
    except (ValueError, RecursionError):
        raise SecretUnavailable(f"{source} begins like JSON but is none") from None
    if not isinstance(document, dict) or document.get("kind") != "ExecCredential":
        raise SecretUnavailable(f'{source} is JSON, but not an ExecCredential (`"kind": "ExecCredential"`)')
    status = document.get("status")
    token = status.get("token") if isinstance(status, dict) else None
    if not isinstance(status, dict) or not isinstance(token, str):
        raise SecretUnavailable(f"{source} is an ExecCredential without `status.token`")
    lifetime = _lifetime(status.get("expirationTimestamp"), source, wall_now)
    return Token(accept_text(token, f"the token in {source}"), lifetime or ttl or NEVER)


def _lifetime(stamp: object, source: str, wall_now: float) -> float | None:
    """Seconds until `stamp`; None when there is none."""
    if stamp is None:
        return None
    try:
        expiry = datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
    except ValueError:
        expiry = None
    if expiry is None or expiry.tzinfo is None:
        raise SecretUnavailable(
            f"{source} has an `expirationTimestamp` that is not a time with its zone, such as 2030-01-31T12:00:00Z"
        )
    lifetime = expiry.timestamp() - wall_now
    if lifetime <= 0:
        raise SecretUnavailable(f"{source} is a token that has expired already")
    return lifetime
