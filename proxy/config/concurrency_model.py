"""The shape of `concurrency`: how many calls may be under way at once.

What must not live here: any rule of its own (`proxy.policy.concurrency`).
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from proxy.config.base import Model, wrong
from proxy.config.units import Duration

__all__ = ["Adaptive", "ConcurrencyPolicy"]


class Adaptive(Model):
    """Bounds of a limit that finds its place by itself."""

    min: int = Field(1, ge=1, description="The least that the limit shrinks to.")
    max: int | None = Field(None, ge=1, description="The most that it grows to; `limit` when left out.")


def _switch(value: Any) -> Any:
    """`true` is all bounds left out, `false` is none at all. Raises ValueError."""
    if isinstance(value, bool):
        return {} if value else None
    if value is None or isinstance(value, (dict, Adaptive)):
        return value
    raise wrong("neither a switch nor bounds", "write true, false or bounds such as {min: 2, max: 200}")


class _Switchable:
    """Lets the schema say that `true` and `false` are welcome as well."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "boolean"}, handler(core)]}


class ConcurrencyPolicy(Model):
    """Calls at once, and the line in which further ones wait."""

    limit: int = Field(64, ge=1, description="Calls at once; when adaptive, the most.")
    queue: int = Field(256, ge=0, description="Requests that may wait; past it they are refused with `overloaded`.")
    max_wait: Duration = Field(5.0, description="How long one may wait; 0 refuses at once.")
    adaptive: Annotated[Adaptive | None, BeforeValidator(_switch), _Switchable()] = Field(
        None, description="Start at 10, grow while all goes well, shrink when calls are dropped or time out."
    )

    @property
    def bounds(self) -> tuple[int, int] | None:
        """The least and the most of an adaptive limit; None for a fixed one."""
        if self.adaptive is None:
            return None
        most = self.adaptive.max or self.limit
        return min(self.adaptive.min, most), most
