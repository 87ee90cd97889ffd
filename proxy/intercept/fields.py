"""The fields of a message as an interceptor sees and changes them.

Those of the connection and of the framing are not among them, and cannot be set. What must not live here: queries.
"""

from collections.abc import Callable, Iterable, Iterator, MutableMapping

from proxy.errors import BadRequest
from proxy.policy.fields import (
    LOCATION,
    ORIGIN,
    PLAIN,
    QUOTA,
    SEC_FETCH_SITE,
    SET_COOKIE,
    FieldKinds,
    canonical,
    is_legal_value,
    request_kinds,
    response_kinds,
)

__all__ = ["Fields", "request_fields", "response_fields"]

Pair = tuple[bytes, bytes]

_OF_REQUESTS = frozenset((PLAIN, ORIGIN, SEC_FETCH_SITE))
_OF_RESPONSES = frozenset((PLAIN, LOCATION, SET_COOKIE, QUOTA))


class Fields(MutableMapping[str, str]):
    """A mapping from names to values, whatever the case of a name (and `_` is read as `-`).

    A field may be there more than once: reading gives the first value, `get_all` all of them; setting replaces all of
    them, `add` adds one more. Values are UTF-8; bytes that are not come as surrogates, and go as they came.
    """

    __slots__ = ("_may_set", "_pairs", "changed")

    def __init__(self, pairs: Iterable[Pair], may_set: Callable[[bytes], bool]) -> None:
        self._pairs = list(pairs)
        self._may_set = may_set
        self.changed = False

    def __getitem__(self, name: str) -> str:
        wanted = _key(name)
        for field, value in self._pairs:
            if canonical(field) == wanted:
                return _text(value)
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        pair = self._pair(name, value)
        self.remove(name)
        self._pairs.append(pair)
        self.changed = True

    def __delitem__(self, name: str) -> None:
        if not self.remove(name):
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        """Every name once, as it was first written."""
        seen = set[bytes]()
        for field, _ in self._pairs:
            if (key := canonical(field)) not in seen:
                seen.add(key)
                yield _text(field)

    def __len__(self) -> int:
        return len({canonical(field) for field, _ in self._pairs})

    def __repr__(self) -> str:
        # Values may be secrets.
        return f"Fields({', '.join(self)})"

    def get_all(self, name: str) -> list[str]:
        """Every value, in order; none where the field is not there."""
        wanted = _key(name)
        return [_text(value) for field, value in self._pairs if canonical(field) == wanted]

    def add(self, name: str, value: str) -> None:
        """One more field, beside those of the same name."""
        self._pairs.append(self._pair(name, value))
        self.changed = True

    def remove(self, name: str) -> bool:
        """Every field of this name; whether there was one."""
        wanted = _key(name)
        kept = [pair for pair in self._pairs if canonical(pair[0]) != wanted]
        gone = len(kept) < len(self._pairs)
        if gone:
            self._pairs = kept
            self.changed = True
        return gone

    def rename(self, old: str, new: str) -> bool:
        """Every field `old` gets the name `new`, in its place; those that had it already go. Whether there was one."""
        wanted = _key(old)
        values = self.get_all(old)
        if not values:
            return False
        name, _ = self._pair(new, "")
        other = canonical(name)
        self._pairs = [
            (name, value) if canonical(field) == wanted else (field, value)
            for field, value in self._pairs
            if canonical(field) == wanted or canonical(field) != other
        ]
        self.changed = True
        return True

    def pairs(self) -> list[Pair]:
        """As they go on."""
        return self._pairs

    def _pair(self, name: str, value: str) -> Pair:
        field, content = _bytes(name), _bytes(value).strip(b" \t")
        if not self._may_set(field):
            raise ValueError(f"{name!r} is no field that an interceptor may set")
        if not is_legal_value(content):
            raise ValueError(f"the value for {name!r} has a line break or another control character")
        return field, content


def request_fields(pairs: Iterable[Pair]) -> Fields:
    return Fields(pairs, lambda name: _is_one_of(request_kinds, name, _OF_REQUESTS))


def response_fields(pairs: Iterable[Pair]) -> Fields:
    return Fields(pairs, lambda name: _is_one_of(response_kinds, name, _OF_RESPONSES))


def _is_one_of(kinds: FieldKinds, name: bytes, wanted: frozenset[int]) -> bool:
    try:
        return kinds[name] in wanted
    except BadRequest:
        return False


def _key(name: str) -> bytes:
    return canonical(_bytes(name))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
