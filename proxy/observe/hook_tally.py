"""What is counted per hook, in plain numbers.

What must not live here: metric names and their text form.
"""

from collections.abc import Iterator
from typing import Literal, get_args

__all__ = ["HookResult", "HookTally"]

HookResult = Literal["delivered", "failed", "dropped"]
"""What became of a notice: taken, given up after its attempts, or never tried because too many were waiting."""


class HookTally:
    """By the name of the hook and the result."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def begin(self, hook: str) -> None:
        """Show it from the start, at zero."""
        for result in get_args(HookResult):
            self._counts.setdefault((hook, result), 0)

    def count(self, hook: str, result: HookResult, number: int = 1) -> None:
        self._counts[hook, result] += number

    def __iter__(self) -> Iterator[tuple[tuple[str, str], int]]:
        return iter(self._counts.items())
