"""The fields for a collector, whose values are secrets: read in the loop, for the thread that sends spans.

What must not live here: sending (`proxy.observe.span_export`).
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import CancelledError

from proxy.auth.field import value_problem
from proxy.auth.secret_reader import SecretReader
from proxy.auth.secret_rules import SecretUnavailable
from proxy.clock import Clock, monotonic
from proxy.observe.collector_fields import FieldsMissing

__all__ = ["SecretFields"]

_PATIENCE = 5.0
_AGAIN = 10.0
"""Seconds between two times that refused values are looked for anew: each may be a command's run."""


class SecretFields:
    """`readers` are the values by the names of fields. A `CollectorFields`; to be closed in the loop."""

    def __init__(
        self, readers: Mapping[str, SecretReader], loop: asyncio.AbstractEventLoop, clock: Clock = monotonic
    ) -> None:
        self._readers = readers
        self._loop = loop
        self._clock = clock
        self._next = float("-inf")

    def __call__(self) -> Mapping[str, str]:
        if not self._readers:
            return {}
        reading = asyncio.run_coroutine_threadsafe(self._read(), self._loop)
        try:
            return reading.result(_PATIENCE)
        except (TimeoutError, CancelledError):
            # Too slow, or the loop has come to its end.
            reading.cancel()
            raise FieldsMissing("a value of tracing.headers could not be read in time") from None

    def refused(self) -> None:
        now = self._clock()
        if now >= self._next:
            self._next = now + _AGAIN
            for reader in self._readers.values():
                reader.forget()

    async def close(self) -> None:
        for reader in self._readers.values():
            await reader.close()

    async def _read(self) -> Mapping[str, str]:
        values = {}
        for name, reader in self._readers.items():
            try:
                value = (await reader.read()).reveal()
            except SecretUnavailable as error:
                raise FieldsMissing(f"tracing.headers.{name}: {error.detail}") from None
            if problem := value_problem(value):
                raise FieldsMissing(f"tracing.headers.{name}: its value {problem}")
            values[name] = value
        return values
