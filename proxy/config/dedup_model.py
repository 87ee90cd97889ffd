"""The options of `dedup`: which identical requests share one call to the upstream, and for how long.

What must not live here: what makes two requests identical (`proxy.policy.dedup`).
"""

from pydantic import Field

from proxy.config.base import Model
from proxy.config.units import Duration, Size
from proxy.config.values import Method

__all__ = ["Dedup"]


class Dedup(Model):
    """Identical requests that share one call."""

    in_flight: bool = Field(True, description="Requests that come while an identical one is under way join it.")
    ttl: Duration = Field(
        0.0,
        description="How long a successful answer is given to identical requests that come later; 0 for never.",
    )
    methods: list[Method] = Field(
        [], description="Methods that take part beside GET and HEAD, such as POST; their content must be the same too."
    )
    max_bytes: Size = Field(2**20, description="The largest content, of an answer or of a request, that takes part.")
    total_bytes: Size = Field(
        64 * 2**20, description="Memory for answers that are being shared, and as much for kept ones; per route."
    )
    include_private: bool = Field(
        False, description="Keep answers for `ttl` that say `private`, `no-store` or `no-cache`, too."
    )
