"""Problem documents (RFC 9457) and their `Proxy-Status` (RFC 9209): the one form in which Outrider's own errors leave.

What must not live here: which errors exist (`proxy.errors`).
"""

import json
import math

from proxy.errors import (
    CallerNotAllowed,
    CredentialUnavailable,
    NotPossible,
    OutriderError,
    SessionExpired,
)

__all__ = ["problem_answer"]

_OF_CREDENTIALS = (CredentialUnavailable, SessionExpired, NotPossible)
"""What is wrong with a credential is told within other sentences, too, and so comes without a capital and a stop."""


def problem_answer(
    error: OutriderError,
    request_id: bytes,
    upstream: str | None = None,
    attempts: int = 0,
    *,
    replayable: bool = True,
) -> tuple[list[bytes], bytes]:
    """Field lines (framing excluded) and content."""
    retry_after = None if error.retry_after is None else math.ceil(error.retry_after)
    document = {
        "type": f"urn:outrider:error:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": _sentence(error.detail) if isinstance(error, _OF_CREDENTIALS) else error.detail,
        "code": error.code,
        "stage": error.stage,
        "upstream": upstream,
        "attempts": attempts,
        "retryable": error.retryable,
        "request_id": request_id.decode("latin-1"),
    }
    lines = [
        b"Content-Type: application/problem+json",
        b"Cache-Control: no-store",
        f"Proxy-Status: outrider; error={error.token}; details={json.dumps(error.code)}".encode(),
    ]
    if attempts > 1:
        lines[-1] += b"; attempts=%d" % attempts
    if not replayable:
        lines[-1] += b"; not_replayable"
    if retry_after is not None:
        lines.append(b"Retry-After: %d" % retry_after)
    if isinstance(error, CallerNotAllowed):
        lines.append(b'WWW-Authenticate: Outrider-Token realm="outrider"')
    elif isinstance(error, SessionExpired):
        # Nothing that a caller could send helps: the scheme is one that no client answers by itself.
        lines.append(b'WWW-Authenticate: Outrider-Session realm="outrider", error="invalid_token"')
    lines += error.lines
    return lines, json.dumps(document).encode() + b"\n"


def _sentence(detail: str) -> str:
    return detail[:1].upper() + detail[1:] + ("" if detail.endswith((".", "!", "?", "…")) else ".")
