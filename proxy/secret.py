"""The type that holds a secret and cannot be printed.

`reveal()` is the only way out, and the places that call it are few and easy to list. What must not live here: how a
secret is found or stored.
"""

import hmac
from typing import NoReturn

__all__ = ["REDACTED", "Secret"]

REDACTED = "[redacted]"


class Secret:
    """A secret text. Prints as `[redacted]` however it is formatted, and refuses to be pickled or copied into JSON."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def matches(self, candidate: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self._value.encode(), candidate)

    def __repr__(self) -> str:
        return REDACTED

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return REDACTED

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not serialised")
