"""`${VAR}` and `${VAR:-default}` in a text, and `$${` for a literal `${`.

A pure function over a given environment. What must not live here: which texts are treated, what type they then have.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["BadReference", "Interpolated", "interpolate"]

_REFERENCE = re.compile(r"\$(\$\{)|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?")


@dataclass(frozen=True, slots=True)
class BadReference:
    """A reference that gives nothing; `offset` is its place in the text. `name` is None when it is no reference."""

    offset: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Interpolated:
    """`used` tells whether any variable was taken; `bad` references stand for nothing in `text`."""

    text: str
    used: bool
    bad: tuple[BadReference, ...]


def interpolate(text: str, environ: Mapping[str, str]) -> Interpolated:
    """As in a shell, the default also stands for a variable that is empty."""
    parts: list[str] = []
    bad: list[BadReference] = []
    used, end = False, 0
    for match in _REFERENCE.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        escaped, name, default = match.groups()
        if escaped:
            parts.append(escaped)
            continue
        used = True
        value = environ.get(name) if name else None
        if default is not None:
            value = value or default
        if value is None:
            bad.append(BadReference(match.start(), name))
        parts.append(value or "")
    parts.append(text[end:])
    return Interpolated("".join(parts), used, tuple(bad))
