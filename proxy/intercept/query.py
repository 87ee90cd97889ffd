"""The query of a target as an interceptor sees and changes it: what is not touched stays byte for byte.

What must not live here: fields.
"""

from collections.abc import Iterator, MutableMapping
from urllib.parse import quote_plus, unquote_plus

__all__ = ["Query"]


class Query(MutableMapping[str, str]):
    """A mapping from names to values, both decoded. A parameter may be there more than once: reading gives the first
    value, `get_all` all of them; setting replaces all of them, in the place of the first; `add` adds one more."""

    __slots__ = ("_parts", "changed")

    def __init__(self, query: bytes) -> None:
        self._parts = query.split(b"&") if query else []
        self.changed = False

    def __getitem__(self, name: str) -> str:
        for part in self._parts:
            if _name(part) == name:
                return _value(part)
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        new: bytes | None = _part(name, value)
        parts = []
        for part in self._parts:
            if _name(part) != name:
                parts.append(part)
            elif new is not None:
                parts.append(new)
                new = None
        self._change(parts if new is None else [*parts, new])

    def __delitem__(self, name: str) -> None:
        if not self.remove(name):
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(_name(part) for part in self._parts if part))

    def __len__(self) -> int:
        return len({_name(part) for part in self._parts if part})

    def __repr__(self) -> str:
        # Values may be secrets.
        return f"Query({', '.join(self)})"

    def get_all(self, name: str) -> list[str]:
        """Every value, in order; none where the parameter is not there."""
        return [_value(part) for part in self._parts if _name(part) == name]

    def add(self, name: str, value: str) -> None:
        """One more parameter, beside those of the same name."""
        self._change([*self._parts, _part(name, value)])

    def remove(self, name: str) -> bool:
        """Every parameter of this name; whether there was one."""
        kept = [part for part in self._parts if _name(part) != name]
        gone = len(kept) < len(self._parts)
        if gone:
            self._change(kept)
        return gone

    def rename(self, old: str, new: str) -> bool:
        """Every parameter `old` gets the name `new`, in its place; those that had it go. Whether there was one."""
        if old not in self:
            return False
        name = quote_plus(new).encode()
        self._change(
            [
                name + b"".join(part.partition(b"=")[1:]) if _name(part) == old else part
                for part in self._parts
                if _name(part) == old or _name(part) != new
            ]
        )
        return True

    def encoded(self) -> bytes:
        """As it goes on, without the question mark."""
        return b"&".join(self._parts)

    def _change(self, parts: list[bytes]) -> None:
        self._parts = parts
        self.changed = True


def _part(name: str, value: str) -> bytes:
    return f"{quote_plus(name)}={quote_plus(value)}".encode()


def _name(part: bytes) -> str:
    return unquote_plus(part.partition(b"=")[0].decode("latin-1"))


def _value(part: bytes) -> str:
    return unquote_plus(part.partition(b"=")[2].decode("latin-1"))
