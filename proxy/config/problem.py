"""What is wrong in a configuration, and where: the value that everything here collects and the error that carries it.

What must not live here: any rule.
"""

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["ConfigInvalid", "Problem", "listed", "nearest", "quoted"]

_LONGEST_QUOTE = 60


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """`line` and `column` count from 1; a line of 0 means the file as a whole, or a flag."""

    file: str
    line: int
    column: int
    message: str
    hint: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        kind = "" if self.severity == "error" else f"{self.severity}: "
        return f"{place}: {kind}{self.message}; {self.hint}"


class ConfigInvalid(Exception):
    """The configuration cannot be used. `problems` are in the order of the file; `str` is one line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))


def quoted(text: str) -> str:
    """`text` in quotes, on one line, printable everywhere, and not for ever."""
    short = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"
    # Lone surrogates come from YAML escapes and cannot be encoded.
    shown = json.dumps(short, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in shown)


def listed(names: Iterable[str]) -> str:
    """`a, b or c`."""
    *most, last = [*names]
    return f"{', '.join(most)} or {last}" if most else last


def nearest(text: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `text` is probably meant to be."""
    by_fold = {name.lower().replace("-", "_"): name for name in known}
    found = difflib.get_close_matches(text.lower().replace("-", "_"), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None
