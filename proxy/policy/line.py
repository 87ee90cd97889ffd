"""A line of requests that do not all wait for the same thing: who is next of those whose buckets have room.

Callers take turns, so that one with many requests waiting does not hold up another with one. Among a caller's requests
those that wait for the same buckets keep their order, and none of them stands behind one that waits for something else.
What must not live here: waiting, buckets.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

__all__ = ["Line"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T", bound=Hashable)


class Line(Generic[K, T]):
    """Items by caller and by kind; a kind says what its items wait for."""

    __slots__ = ("_callers", "_counts", "_length")

    def __init__(self) -> None:
        self._callers: OrderedDict[str, dict[K, OrderedDict[T, None]]] = OrderedDict()
        self._counts: dict[str, int] = {}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, caller: str, kind: K, item: T) -> None:
        kinds = self._callers.get(caller)
        if kinds is None:
            kinds = self._callers[caller] = {}
            self._counts[caller] = 0
        kinds.setdefault(kind, OrderedDict())[item] = None
        self._counts[caller] += 1
        self._length += 1

    def take(self, ready: Callable[[K], bool]) -> T | None:
        """The next item of a kind that is ready; its caller goes to the end of the line."""
        for caller, kinds in self._callers.items():
            for kind, items in kinds.items():
                if ready(kind):
                    item = next(iter(items))
                    self.remove(caller, kind, item)
                    if caller in self._callers:
                        self._callers.move_to_end(caller)
                    return item
        return None

    def remove(self, caller: str, kind: K, item: T) -> None:
        """Take out an item that no longer waits; it may be gone already."""
        kinds = self._callers.get(caller)
        items = None if kinds is None else kinds.get(kind)
        if kinds is None or items is None or item not in items:
            return
        del items[item]
        self._length -= 1
        self._counts[caller] -= 1
        if not items:
            del kinds[kind]
        if not kinds:
            del self._callers[caller]
            del self._counts[caller]

    def kinds(self) -> Iterator[K]:
        """What is waited for, perhaps several times over."""
        for kinds in self._callers.values():
            yield from kinds

    def before(self, caller: str) -> int:
        """How many go before a new item of this caller when all wait for the same."""
        own = self._counts.get(caller, 0)
        return sum(min(count, own + 1) if name != caller else count for name, count in self._counts.items())
