"""The shape of `concurrency`: how many calls may be under way at once.

What must not live here: any rule of its own (`proxy.policy.concurrency`).
"""

from pydantic import Field

from proxy.config.base import Model
from proxy.config.units import Duration

__all__ = ["Adaptive", "ConcurrencyPolicy"]


class Adaptive(Model):
    """Bounds of a limit that finds its place by itself."""

    min: int = Field(1, ge=1, description="The least that the limit shrinks to.")
    max: int | None = Field(None, ge=1, description="The most that it grows to; `limit` when left out.")


class ConcurrencyPolicy(Model):
    """Calls at once, and the line in which further ones wait."""

    limit: int = Field(64, ge=1, description="Calls at once; when adaptive, the most.")
    queue: int = Field(256, ge=0, description="Requests that may wait; past it they are refused with `overloaded`.")
    max_wait: Duration = Field(5.0, description="How long one may wait; 0 refuses at once.")
    adaptive: bool | Adaptive = Field(
        False, description="Start at 10, grow while all goes well, shrink when calls are dropped or time out."
    )

    @property
    def bounds(self) -> tuple[int, int] | None:
        """The least and the most of an adaptive limit; None for a fixed one."""
        if self.adaptive is False:
            return None
        asked = Adaptive() if self.adaptive is True else self.adaptive
        most = asked.max or self.limit
        return min(asked.min, most), most
