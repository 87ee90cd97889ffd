"""The shape of `log`: what is written to standard error, in which form, and how much of it.

What must not live here: writing (`proxy.observe`).
"""

from typing import Literal

from pydantic import Field

from proxy.config.base import Model
from proxy.config.units import Ratio

__all__ = ["Log"]


class Log(Model):
    """What the daemon writes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least level that is written.")
    format: Literal["auto", "text", "json"] = Field("auto", description="auto: text on a terminal, else JSON.")
    # As every other proxy does it: who looks for a request finds it. What that costs and fills is bounded below.
    requests: Literal["all", "errors", "none"] = Field(
        "all", description="Which requests have a line: all, those that failed, or none."
    )
    sample: Ratio = Field(1.0, description="Share of the requests that went well which have a line.")
    max_rate: int = Field(
        1000, ge=0, description="Lines a second of requests that went well, and as many of others; 0 for no limit."
    )
    wire: bool = Field(
        False,
        description="Write the heads on both sides too, without queries and with the values of harmless fields only.",
    )
