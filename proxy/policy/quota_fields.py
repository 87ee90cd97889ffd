"""What an answer's fields say of the upstream's own limits, in the dialects that are met.

- `RateLimit` with `RateLimit-Policy` (the IETF draft, structured fields; its forms of 2024 and of 2023);
- `RateLimit-Limit`, `-Remaining`, `-Reset` (its form of 2021);
- `X-RateLimit-…` and `X-Rate-Limit-…`, where a reset is seconds from now, the epoch in seconds, or in milliseconds;
  with GitHub's `X-RateLimit-Resource`, and the endings `-Requests` and `-Tokens` with durations (`6m0s`);
- `Retry-After` on 429 and 503, unless Stripe says that the limit was not one of the whole account.

What is malformed is ignored: no answer fails by such a field. What must not live here: what is done about it
(`proxy.policy.quota`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Literal, NamedTuple

import http_sf

from proxy.policy.retry_after import parse_retry_after

__all__ = ["LONGEST", "Reading", "Window", "read_quota"]

LONGEST = 86400.0
"""Seconds; no answer's word holds requests back for longer before the upstream is asked again."""

_EPOCH_SECONDS, _EPOCH_MILLISECONDS = 10**9, 10**12
_COUNT = re.compile(rb"([0-9]{1,15})(?:\.[0-9]*)?(?:[ \t]*[,;].*)?")
_NUMBER = re.compile(rb"[0-9]{1,15}(?:\.[0-9]{1,9})?")
_DURATION = re.compile(rb"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|us|ns|d|h|m|s))+")
_DURATION_PART = re.compile(rb"([0-9.]+)(ms|us|ns|d|h|m|s)")
_SECONDS = {b"d": 86400.0, b"h": 3600.0, b"m": 60.0, b"s": 1.0, b"ms": 1e-3, b"us": 1e-6, b"ns": 1e-9}
_PLAIN = re.compile(rb"(?:x-)?rate-?limit-(limit|remaining|reset)(-requests|-tokens)?")
_CALLS = ("requests", "request")
_PAUSING = (429, 503)
_MOST_WINDOWS = 8


class Window(NamedTuple):
    """One limit of the upstream: how much is left of it, seconds to its reset, and its size where that is known.

    `counted` tells that a request takes one of it; of others (tokens, bytes) nobody knows beforehand.
    """

    name: str
    remaining: int
    reset: float
    limit: int | None
    counted: bool = True


class Reading(NamedTuple):
    """What one answer says. `pause` is how long, in seconds, nothing more should come."""

    windows: tuple[Window, ...] = ()
    pause: float = 0.0


def read_quota(lines: Iterable[bytes], status: int, now: float) -> Reading:
    """`lines` are the field lines of the kind `QUOTA`; `now` is the upstream's wall time, or ours."""
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        fields[name] = fields[name] + b", " + value if name in fields else value
    windows = [*_structured(fields), *_plain(fields, now)]
    return Reading(tuple(windows[:_MOST_WINDOWS]), _pause(fields, status, now))


def _pause(fields: Mapping[bytes, bytes], status: int, now: float) -> float:
    if status not in _PAUSING or not fields.get(b"stripe-rate-limited-reason", b"global").startswith(b"global"):
        return 0.0
    return min(parse_retry_after(fields.get(b"retry-after"), now) or 0.0, LONGEST)


def _structured(fields: Mapping[bytes, bytes]) -> list[Window]:
    value = fields.get(b"ratelimit")
    if value is None:
        return []
    if b"limit=" in value:
        return _window_of_2023(_parsed(value, "dictionary"))
    policies = _policies(fields.get(b"ratelimit-policy", b""))
    found = []
    for name, parameters in _members(value):
        policy = policies.get(name, _NO_POLICY)
        remaining, reset = _whole(parameters.get("r")), _seconds(parameters.get("t")) or policy.window
        if remaining is not None and reset is not None and policy.unit != "concurrent-requests":
            counted = policy.unit is None or policy.unit in _CALLS
            found.append(Window(name, remaining, min(reset, LONGEST), policy.quota, counted))
    return found


class _Policy(NamedTuple):
    quota: int | None = None
    window: float | None = None
    unit: str | None = None


_NO_POLICY = _Policy()


@lru_cache(maxsize=64)
def _policies(value: bytes) -> dict[str, _Policy]:
    """By name. Remembered: an upstream sends the same with every answer."""
    found = {}
    for name, parameters in _members(value):
        unit = parameters.get("qu")
        quota, window = _whole(parameters.get("q")), _seconds(parameters.get("w"))
        found[name] = _Policy(quota, window, unit if isinstance(unit, str) else None)
    return found


def _window_of_2023(members: object) -> list[Window]:
    """`limit=100, remaining=50, reset=5`."""
    if not isinstance(members, dict):
        return []
    limit, remaining, reset = (members.get(name, (None, {}))[0] for name in ("limit", "remaining", "reset"))
    left, seconds = _whole(remaining), _seconds(reset)
    return [] if left is None or seconds is None else [Window("ratelimit", left, min(seconds, LONGEST), _whole(limit))]


def _parsed(value: bytes, kind: Literal["list", "dictionary"]) -> object:
    try:
        return http_sf.parse(value, tltype=kind)
    except http_sf.StructuredFieldError:
        return None


def _members(value: bytes) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Of a list: the items with their parameters; inner lists are no names of policies."""
    members = _parsed(value, "list")
    for item, parameters in members if isinstance(members, list) else ():
        if not isinstance(item, list):
            yield str(item), parameters


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _seconds(value: object) -> float | None:
    """A number above zero."""
    if not isinstance(value, (int, Decimal)) or isinstance(value, bool) or value <= 0:
        return None
    return float(value)


def _plain(fields: Mapping[bytes, bytes], now: float) -> list[Window]:
    # GitHub counts some kinds of calls apart, and nobody knows of a call which kind it is before its answer.
    if fields.get(b"x-ratelimit-resource", b"core").lower() != b"core":
        return []
    found: dict[str, dict[bytes, bytes]] = {}
    for name, value in fields.items():
        if match := _PLAIN.fullmatch(name):
            family = "ratelimit" + (match[2] or b"").decode()
            found.setdefault(family, {})[match[1]] = value
    windows = []
    for family, parts in found.items():
        remaining, limit = _count(parts.get(b"remaining")), _count(parts.get(b"limit"))
        reset = _reset(parts.get(b"reset", b""), now)
        if remaining is not None and reset:
            windows.append(Window(family, remaining, reset, limit, not family.endswith("tokens")))
    return windows


def _count(value: bytes | None) -> int | None:
    match = _COUNT.fullmatch(value) if value is not None else None
    return int(match[1]) if match else None


def _reset(value: bytes, now: float) -> float:
    """Seconds from `now`; 0 when it has passed or cannot be read."""
    if _NUMBER.fullmatch(value):
        seconds = float(value)
        if seconds > _EPOCH_MILLISECONDS:
            seconds = seconds / 1000 - now
        elif seconds > _EPOCH_SECONDS:
            seconds -= now
    elif _DURATION.fullmatch(value):
        parts = _DURATION_PART.findall(value)
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    else:
        seconds = parse_retry_after(value, now) or 0.0
    return min(max(seconds, 0.0), LONGEST)
