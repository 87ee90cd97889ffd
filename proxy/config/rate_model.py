"""The shape of `rate_limit` and `quota`: what may be sent how fast, and what is learned of the upstream's own limits.

What must not live here: counting (`proxy.policy.bucket`), the dialects of upstreams (`proxy.policy.quota_fields`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, PlainSerializer, PlainValidator, Tag, WithJsonSchema

from proxy.config.base import Model, wrong
from proxy.config.units import Duration, format_duration, parse_duration
from proxy.config.values import is_token

__all__ = [
    "FIELD_KEY",
    "LIMIT_TAG",
    "QuotaPolicy",
    "Rate",
    "RateLimitPolicy",
    "RateLimits",
    "as_list",
    "format_rate",
    "parse_rate",
]

FIELD_KEY = "field:"
"""What the key of a limit per value of a field begins with."""

LIMIT_TAG = "limit:"
"""What the tags of one limit and of several begin with, where pydantic names them in an error's place."""

_RATE = re.compile(r"([1-9][0-9]{0,8})/([0-9a-z.]{1,40})")
_LEAST_PERIOD, _MOST_PER_SECOND = 0.001, 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` requests in `period` seconds."""

    count: int
    period: float

    @property
    def interval(self) -> float:
        """Seconds from one request to the next."""
        return self.period / self.count


def parse_rate(value: Any) -> Rate:
    """From `100/s`, `5000/h`, `1/2s`. Raises ValueError."""
    right = "write a number of requests and a time, such as 100/s, 5000/h or 1/2s"
    if isinstance(value, Rate):
        return value
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise wrong("not a rate", right)
    period = match[2]
    try:
        seconds = parse_duration(period if period[0].isdigit() else f"1{period}")
    except ValueError:
        raise wrong("not a rate: its time cannot be read", right) from None
    if seconds < _LEAST_PERIOD or int(match[1]) / seconds > _MOST_PER_SECOND:
        raise wrong("not a rate that can be kept", f"{right}; at most {_MOST_PER_SECOND} a second")
    return Rate(int(match[1]), seconds)


def format_rate(rate: Rate) -> str:
    """As people write it."""
    period = format_duration(rate.period)
    return f"{rate.count}/{period[1:] if re.fullmatch('1[a-z]+', period) else period}"


def rate_key(key: str) -> str:
    if key in ("caller", "fingerprint") or (key.startswith(FIELD_KEY) and is_token(key.removeprefix(FIELD_KEY))):
        return key
    raise wrong("not a key of a limit", "write caller, fingerprint or field:NAME, such as field:X-User")


RateValue = Annotated[
    Rate,
    PlainValidator(parse_rate),
    PlainSerializer(format_rate, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^[1-9][0-9]{0,8}/[0-9.]*(ms|s|m|h|d)([0-9.]+(ms|s|m|h|d))*$",
            "examples": ["100/s", "5000/h", "1/2s"],
        }
    ),
]

RateKey = Annotated[
    str,
    AfterValidator(rate_key),
    Field(
        json_schema_extra={
            "pattern": "^(caller|fingerprint|field:[^ :]+)$",
            "examples": ["caller", "fingerprint", "field:X-User"],
        }
    ),
]


class RateLimitPolicy(Model):
    """How fast requests are sent; what is faster waits in line, or is refused with `rate_limited`."""

    rate: RateValue = Field(description="Requests and a time: `100/s`, `5000/h`, `1/2s`.")
    burst: int | None = Field(
        None, ge=1, description="How many may go at once after a pause; a tenth of a second's worth when left out."
    )
    max_wait: Duration = Field(5.0, description="The longest wait in line; 0 refuses at once.")
    key: RateKey | None = Field(
        None,
        description="Counted apart for each `caller`, each value of `field:NAME`, or each `fingerprint`"
        " (method, target and content); all together when left out.",
    )

    @property
    def allowance(self) -> int:
        """The burst, chosen where it was not given: enough to make up for timers that are late, never under 1."""
        return self.burst if self.burst is not None else max(1, int(0.1 / self.rate.interval + 1e-9))


RateLimits = Annotated[
    Annotated[RateLimitPolicy, Tag("limit:one")]
    | Annotated[Annotated[list[RateLimitPolicy], Field(min_length=1)], Tag("limit:many")],
    Discriminator(lambda value: "limit:many" if isinstance(value, list) else "limit:one"),
]
"""One limit, or a list of them that all must let a request pass."""


def as_list(limits: RateLimitPolicy | Sequence[RateLimitPolicy] | None) -> list[RateLimitPolicy]:
    if limits is None:
        return []
    return [limits] if isinstance(limits, RateLimitPolicy) else list(limits)


class QuotaPolicy(Model):
    """The upstream's own limits, as its answers tell them."""

    learn: bool = Field(
        True, description="Hold requests while the upstream's answers say that the quota is used up, until its reset."
    )
    max_wait: Duration = Field(5.0, description="The longest wait for the reset; 0 refuses at once.")
