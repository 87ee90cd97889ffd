"""Which answers mean that the credential was not accepted, so that a fresh one may help.

What must not live here: what is done about it.
"""

import re
from collections.abc import Iterable

__all__ = ["is_unauthorized"]

_CHALLENGE = b"www-authenticate:"
_ERROR = re.compile(rb"(?:^|[\s,])error\s*=\s*\"?([A-Za-z_]+)", re.IGNORECASE)


def is_unauthorized(status: int, lines: Iterable[bytes]) -> bool:
    """By the status and the field lines of an answer.

    401 does, and 403 with `error="invalid_token"` (RFC 6750 §3.1), but never where the error is `insufficient_scope`:
    another token of the same session has the same scope.
    """
    if status == 401:
        return b"insufficient_scope" not in _errors(lines)
    return status == 403 and b"invalid_token" in _errors(lines)


def _errors(lines: Iterable[bytes]) -> set[bytes]:
    challenges = [line[len(_CHALLENGE) :] for line in lines if line[: len(_CHALLENGE)].lower() == _CHALLENGE]
    return {error.lower() for challenge in challenges for error in _ERROR.findall(challenge)}
