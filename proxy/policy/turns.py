"""Who is next in a line: callers take turns, and each caller's own requests keep their order.

One caller with many requests waiting does not hold up another with one. What must not live here: waiting, what is
waited for.
"""

from collections import OrderedDict, deque
from typing import Generic, TypeVar

__all__ = ["Turns"]

T = TypeVar("T")


class Turns(Generic[T]):
    """A line of items, each put in by a caller; with one caller it is first in, first out."""

    __slots__ = ("_length", "_lines")

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[T]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, caller: str, item: T) -> None:
        line = self._lines.get(caller)
        if line is None:
            line = self._lines[caller] = deque()
        line.append(item)
        self._length += 1

    def take(self) -> T | None:
        """The next item; its caller goes to the end of the line."""
        if not self._length:
            return None
        caller, line = next(iter(self._lines.items()))
        item = line.popleft()
        self._length -= 1
        if line:
            self._lines.move_to_end(caller)
        else:
            del self._lines[caller]
        return item

    def remove(self, caller: str, item: T) -> None:
        """Take out an item that no longer waits; it may be gone already."""
        line = self._lines.get(caller)
        if line is None or item not in line:
            return
        line.remove(item)
        self._length -= 1
        if not line:
            del self._lines[caller]
