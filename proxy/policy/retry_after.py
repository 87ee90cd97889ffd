"""`Retry-After` (RFC 9110 §10.2.3): seconds, or the moment as an HTTP-date.

What must not live here: what is done about the wait.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_tz

__all__ = ["LONGEST", "http_date", "parse_retry_after"]

LONGEST = 366 * 86400.0
"""Seconds; what asks for more is read as this."""

_DELTA = re.compile(rb"[0-9]{1,18}(?:\.[0-9]{1,9})?")
_DATE = re.compile(r"[A-Z][a-z]{2,8},? [0-9A-Za-z :-]{10,40}")


def parse_retry_after(value: bytes | None, now: float) -> float | None:
    """Seconds from `now` (wall time), never below zero; None when the field is missing or malformed.

    All three forms of an HTTP-date are read (§5.6.7), and seconds with a fraction, which some servers send.
    """
    if value is None:
        return None
    value = value.strip()
    if _DELTA.fullmatch(value):
        return min(float(value), LONGEST)
    moment = http_date(value)
    return None if moment is None else min(max(moment - now, 0.0), LONGEST)


def http_date(value: bytes | None) -> float | None:
    """Seconds since the epoch; None when it is no date."""
    if value is None or not value.isascii() or not _DATE.fullmatch(text := value.decode("ascii")):
        return None
    try:
        parts = parsedate_tz(text)
        if parts is None or (parts[9] or 0) != 0:
            return None
        return datetime(*parts[:6], tzinfo=UTC).timestamp()
    except (ValueError, OverflowError, IndexError):
        # The library's reader splits texts; only the calendar knows which dates there are.
        return None
