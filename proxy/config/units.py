"""Durations, sizes, rates and ratios as people write them, and as numbers.

Pure functions and the annotated types that the models use. What must not live here: which options exist.
"""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

__all__ = ["Duration", "Size", "parse_duration", "parse_size"]

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)(ms|s|m|h|d))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB|KB|MB|GB)?")


def parse_duration(value: Any) -> float:
    """Seconds from `250ms`, `5s`, `2m`, `1h`, `1h30m`. Raises ValueError."""
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(value))
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0:
        return 0.0
    raise ValueError("a duration such as 250ms, 5s, 2m or 1h")


def parse_size(value: Any) -> int:
    """Bytes from `64KiB`, `1MiB`, `5GiB` or a bare number of bytes. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        return int(match[1]) * _BYTES[match[2] or ""]
    raise ValueError("a size such as 64KiB, 1MiB or 5GiB")


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {"type": ["string", "integer"], "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$", "examples": ["250ms", "5s", "2m"]}
    ),
]
"""Seconds."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema({"type": ["string", "integer"], "pattern": r"^\d+\s*(B|[KMG]iB|[KMG]B)?$", "examples": ["64KiB"]}),
]
"""Bytes."""
