"""Which answers and failures are tried again, and after what wait.

One table says what each outcome asks of a request before it may be sent again; the rest is looked up. Broad defaults
have doubled orders elsewhere, so what the table does not name is never repeated. What must not live here: waiting,
sending, keeping content (`proxy.stages`), how many retries an upstream bears (`proxy.policy.budget`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal, assert_never, get_args

from proxy.errors import OutriderError, UpstreamDisconnected, UpstreamError, UpstreamTimeout
from proxy.message import Response

__all__ = [
    "IDEMPOTENT",
    "KEYED",
    "REASONS",
    "RETRIED_STATUSES",
    "SAFE",
    "TABLE",
    "Asks",
    "Pace",
    "Reason",
    "Repeatable",
    "reason",
    "repeatable_methods",
]

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that ask for nothing to be changed, as far as callers may send them (RFC 9110 §9.2.1)."""

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that may be repeated by their definition (RFC 9110 §9.2.2)."""

KEYED = frozenset({"POST", "PATCH"})
"""Methods that an idempotency key makes repeatable."""

Reason = Literal["unsent", "disconnected", "timeout", "408", "409", "429", "500", "502", "503", "504"]
"""Why a request is tried again; `unsent` when no byte of it reached the wire."""

REASONS: tuple[Reason, ...] = get_args(Reason)


class Asks(Enum):
    """What an outcome asks of a request before it may be repeated."""

    NOTHING = "any request"
    REPEATABLE = "a method that may be repeated, by its definition, a key or the route's word"
    REPEATABLE_OR_TOLD = "the same, or that the upstream said when to come back"
    KEY = "an idempotency key"


TABLE: dict[Reason, Asks] = {
    "unsent": Asks.NOTHING,
    "disconnected": Asks.REPEATABLE,
    "timeout": Asks.REPEATABLE,
    "408": Asks.REPEATABLE,
    # On a key: the first request with it is still running. (422 would be: with another payload.)
    "409": Asks.KEY,
    "429": Asks.REPEATABLE_OR_TOLD,
    "500": Asks.REPEATABLE,
    "502": Asks.REPEATABLE,
    "503": Asks.REPEATABLE_OR_TOLD,
    "504": Asks.REPEATABLE,
}

_BY_STATUS: dict[int, Reason] = {int(name): name for name in REASONS if name.isdigit()}
RETRIED_STATUSES = frozenset(_BY_STATUS)


def reason(outcome: Response | OutriderError) -> Reason | None:
    """Why this outcome may be worth another attempt; None when it never is."""
    match outcome:
        case Response():
            return _BY_STATUS.get(outcome.status)
        case UpstreamError() if not outcome.processed:
            return "unsent"
        case UpstreamDisconnected():
            return "disconnected"
        case UpstreamTimeout():
            return "timeout"
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Repeatable:
    """How far a request may be repeated: by its method or a word of the route's, and by a key that it carries."""

    by_method: bool
    by_key: bool

    def meets(self, asked: Asks, told: bool) -> bool:
        """`told` is whether the answer says when to come back (`Retry-After`)."""
        match asked:
            case Asks.NOTHING:
                return True
            case Asks.REPEATABLE:
                return self.by_method or self.by_key
            case Asks.REPEATABLE_OR_TOLD:
                return self.by_method or self.by_key or told
            case Asks.KEY:
                return self.by_key
            case _:
                assert_never(asked)


_TOLD_JITTER = 0.5


class Pace:
    """How long to wait before an attempt, in seconds: full jitter, unless the upstream said how long.

    `uniform(low, high)` is the random source. The jitter is taken within the cap, so that it survives it.
    """

    __slots__ = ("_base", "_cap", "_longest_told", "_uniform")

    def __init__(self, base: float, cap: float, longest_told: float, uniform: Callable[[float, float], float]) -> None:
        self._base = base
        self._cap = cap
        self._longest_told = longest_told
        self._uniform = uniform

    def wait(self, retry: int, told: float | None) -> float | None:
        """Before the `retry`-th further attempt (from 1); None when the upstream asks for too much patience."""
        if told is None:
            return self._uniform(0.0, min(self._cap, self._base * 2.0 ** min(retry - 1, 64)))
        if told > self._longest_told:
            return None
        return told * (1.0 + self._uniform(0.0, _TOLD_JITTER))


def repeatable_methods(named: Iterable[str]) -> frozenset[str]:
    """The idempotent methods, and those that a route names beside them."""
    return IDEMPOTENT.union(named)
