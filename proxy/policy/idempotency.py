"""Idempotency keys: whether a request carries one, and making one where it has none.

With a key the upstream can tell a repetition from a new request, so that POST and PATCH may be repeated. What must not
live here: what is repeated (`proxy.policy.retry`).
"""

from collections.abc import Callable

from proxy.message import Exchange

__all__ = ["IdempotencyKeys"]


class IdempotencyKeys:
    """The field of the key; `make` makes a new one, None where only callers' own count."""

    __slots__ = ("_field", "_make", "_name")

    def __init__(self, field: str, make: Callable[[], str] | None) -> None:
        self._field = field.encode()
        self._name = field.lower().encode()
        self._make = make

    def on(self, exchange: Exchange) -> bool:
        """Whether the request carries a key. Gives it one, which it keeps on every attempt, where it has none."""
        value = exchange.get(self._name)
        if value is not None:
            return value.strip() != b""
        if self._make is None:
            return False
        exchange.fields = [*exchange.fields, (self._field, self._make().encode())]
        return True
