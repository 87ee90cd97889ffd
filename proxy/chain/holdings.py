"""What one configuration hands on to the next: connections, sessions, counts that a reload must not lose.

Something is handed on when the next configuration asks for the same kind and name, made from an equal basis. It ends
with the last pipeline that has it. What must not live here: what is kept, and how it is closed.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

__all__ = ["Generation", "Holdings"]

T = TypeVar("T")


class _Holding:
    __slots__ = ("basis", "holders", "item")

    def __init__(self, basis: object, item: object) -> None:
        self.basis = basis
        self.item = item
        self.holders = 0


class Holdings:
    """Everything that some pipeline has."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], list[_Holding]] = {}

    def generation(self) -> "Generation":
        """What one pipeline has of it."""
        return Generation(self._held)


class Generation:
    """The share of one pipeline, from `take` to `release`."""

    __slots__ = ("_held", "_taken")

    def __init__(self, held: dict[tuple[str, str], list[_Holding]]) -> None:
        self._held = held
        self._taken: dict[int, tuple[tuple[str, str], _Holding]] = {}

    def take(self, kind: str, name: str, basis: Any, make: Callable[[], T]) -> T:
        """The `kind` called `name` that was made from an equal `basis`, whoever made it; else a new one."""
        key = (kind, name)
        there = self._held.setdefault(key, [])
        holding = next((one for one in there if one.basis == basis), None)
        if holding is None:
            holding = _Holding(basis, make())
            there.append(holding)
        if id(holding) not in self._taken:
            self._taken[id(holding)] = (key, holding)
            holding.holders += 1
        return cast(T, holding.item)

    def release(self) -> list[object]:
        """Give everything back; what nobody has any more."""
        gone: list[object] = []
        for key, holding in self._taken.values():
            holding.holders -= 1
            if not holding.holders:
                gone.append(holding.item)
                self._held[key].remove(holding)
        self._taken.clear()
        return gone
