"""Durations, sizes and shares as people write them, and as numbers.

Pure functions and the annotated types that the models use. What must not live here: which options exist.
"""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from proxy.config.base import wrong

__all__ = [
    "Duration",
    "Ratio",
    "Size",
    "format_duration",
    "format_ratio",
    "format_size",
    "parse_duration",
    "parse_ratio",
    "parse_size",
]

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
_DURATION = re.compile(rf"(?:{_NUMBER}(?:ms|s|m|h|d))+")
_DURATION_PART = re.compile(rf"({_NUMBER})(ms|s|m|h|d)")
_RATIO = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%")
_SIZE = re.compile(r"([0-9]{1,19}) ?(B|KiB|MiB|GiB|KB|MB|GB)?")
_RATIO = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%")
_LONGEST = 100 * 365 * 86400.0
_LARGEST = 2**60


def parse_duration(value: Any) -> float:
    """Seconds from `250ms`, `5s`, `2m`, `1h`, `1h30m`, or a bare 0. Raises ValueError."""
    if isinstance(value, str) and len(value) < 100 and _DURATION.fullmatch(value):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(value))
        if seconds <= _LONGEST:
            return seconds
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0:
        return 0.0
    raise wrong(
        "a number needs its unit here" if _is_number(value) else "not a duration",
        "write a duration such as 250ms, 5s, 2m, 1h or 1h30m",
    )


def parse_size(value: Any) -> int:
    """Bytes from `64KiB`, `1MiB`, `5GiB` or a bare number of bytes. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        return value
    if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        size = int(match[1]) * _BYTES[match[2] or ""]
        if size <= _LARGEST:
            return size
    raise wrong("not a size", "write a size such as 64KiB, 1MiB or 5GiB, or a number of bytes")


def parse_ratio(value: Any) -> float:
    """A share from 0 to 1, written as `20%` or `0.2`. Raises ValueError."""
    share = -1.0
    if isinstance(value, str) and (match := _RATIO.fullmatch(value)):
        share = float(match[1]) / 100
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        share = float(value)
    if 0 <= share <= 1:
        return share
    raise wrong("not a share of the whole", "write a percentage such as 20%, from 0% to 100%")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads as `seconds`, to the millisecond."""
    left = round(seconds * 1000)
    parts = []
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def format_size(size: int) -> str:
    """`64KiB` where the number is whole in that unit, else a smaller unit; bytes at last."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return f"{size}B"


def format_ratio(share: float) -> str:
    return f"{round(share * 100, 6):g}%"


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "string",
                    "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$",
                    "examples": ["250ms", "5s", "1h30m"],
                },
                {"const": 0},
            ],
            "x-unit": "duration",
        }
    ),
]
"""Seconds."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]+ ?(B|[KMG]iB|[KMG]B)?$", "examples": ["64KiB", "5GiB"]},
                {"type": "integer", "minimum": 0},
            ],
            "x-unit": "size",
        }
    ),
]
"""Bytes."""

Ratio = Annotated[
    float,
    BeforeValidator(parse_ratio),
    PlainSerializer(format_ratio, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]+)? ?%$", "examples": ["20%", "50%"]},
                {"type": "number", "minimum": 0, "maximum": 1},
            ],
            "x-unit": "ratio",
        }
    ),
]
"""A share, from 0 to 1."""
