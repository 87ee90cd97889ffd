"""What a request knows of the trace that it is part of, and the promise of whoever makes spans.

The promise stands here, on the ground, so that nothing that is not needed without tracing is imported for it. What must
not live here: making spans.
"""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from proxy.message.exchange import Exchange

__all__ = ["AttemptSpan", "Place", "Trace", "Tracer"]


class Place(Protocol):
    """A route in words: the names that spans have in common."""

    @property
    def upstream(self) -> str: ...
    @property
    def route(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def profile(self) -> str: ...
    @property
    def prefix(self) -> str: ...


class AttemptSpan(Protocol):
    """One attempt; ended once."""

    def end(self, status: int, error: str = "") -> None: ...


class Trace(Protocol):
    """The span of one request; ended once. `sampled` is whether anybody will see it."""

    @property
    def trace_id(self) -> str: ...
    @property
    def span_id(self) -> str: ...
    @property
    def sampled(self) -> bool: ...
    def attempt(self, exchange: "Exchange") -> AttemptSpan:
        """Begin an attempt, and continue the trace in the fields of `exchange`."""

    def end(self, exchange: "Exchange", status: int, error: str = "") -> None: ...


class Tracer(Protocol):
    """Makes spans."""

    def begin(self, exchange: "Exchange", place: Place) -> Trace: ...
    def refreshed(self, profile: str, result: str, seconds: float) -> None:
        """A refresh of the profile's token has ended, which took so long."""

    async def close(self) -> None:
        """Send what is left, for a moment at most."""
