"""The shape of `hedge`: a second call for a slow first one.

What must not live here: any rule of its own (`proxy.stages.hedge`).
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from proxy.config.base import Model, wrong
from proxy.config.units import format_duration, parse_duration

__all__ = ["HedgePolicy"]

P95: Literal["p95"] = "p95"


def _after(value: Any) -> Any:
    """`p95`, or seconds above zero. Raises ValueError."""
    if value == P95:
        return P95
    try:
        seconds = parse_duration(value)
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise wrong("not a time after which to call again", "write p95, or a duration above zero such as 200ms")
    return seconds


def _shown(after: float | str) -> str:
    return after if isinstance(after, str) else format_duration(after)


_After = Annotated[
    float | Literal["p95"],
    BeforeValidator(_after),
    PlainSerializer(_shown, return_type=str, when_used="json"),
    WithJsonSchema(
        {"type": "string", "pattern": r"^(p95|([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+)$", "examples": ["p95", "200ms"]}
    ),
]


class HedgePolicy(Model):
    """For safe methods without content: when no answer has begun after a while, ask once more; the first one wins."""

    after: _After = Field(P95, description="`p95` of the route's own times until the first byte; or a duration.")
