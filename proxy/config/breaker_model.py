"""The shape of `breaker`: when an upstream is left alone.

What must not live here: any rule of its own (`proxy.policy.breaker`).
"""

from pydantic import Field

from proxy.config.base import Model
from proxy.config.units import Duration, Ratio

__all__ = ["BreakerPolicy"]


class BreakerPolicy(Model):
    """Calls are counted in a sliding window; too many failures open the circuit."""

    window: Duration = Field(30.0, gt=0, description="How far back calls are counted.")
    min_calls: int = Field(20, ge=1, description="Calls in the window below which it never opens.")
    failure_ratio: Ratio = Field(0.5, gt=0, description="Share of failed calls at which it opens.")
    open: Duration = Field(15.0, gt=0, description="How long it stays open the first time.")
    max_open: Duration = Field(120.0, gt=0, description="Cap of that time, which doubles with each opening in a row.")
    probes: int = Field(3, ge=1, description="Calls that are let through to find out whether it may close.")
