"""The options of trying again: `retry` and `replay` of an upstream or a route.

What must not live here: what is tried again (`proxy.policy.retry`).
"""

from typing import Literal

from pydantic import Field

from proxy.config.base import Model
from proxy.config.units import Duration, Ratio, Size
from proxy.config.values import FieldName, Method

__all__ = ["Backoff", "Budget", "Replay", "Retry"]


class Backoff(Model):
    """The wait before attempt n+1: any time from nothing to `base`·2ⁿ⁻¹, never above `cap`."""

    base: Duration = Field(0.25, description="The longest wait before the second attempt; it doubles from then on.")
    cap: Duration = Field(10.0, description="The longest wait there is.")


class Budget(Model):
    """How many requests may be in a further attempt at once."""

    ratio: Ratio = Field(0.2, description="Share of the upstream's requests in flight.")
    min: int = Field(3, ge=0, description="As many may be at any time.")


class Retry(Model):
    """When and how often a request is tried again."""

    attempts: int = Field(3, ge=1, le=100, description="Attempts in all, the first included; 1 turns it off.")
    backoff: Backoff = Field(Backoff(), description="The wait between attempts.")
    retry_after: Duration = Field(
        60.0, description="The longest `Retry-After` that is waited for; an answer that asks for more passes as it is."
    )
    budget: Budget = Field(
        Budget(), description="Further attempts at once; past it the failure is the answer. A route may have its own."
    )
    methods: list[Method] = Field(
        [], description="Methods that may be repeated here beside the idempotent ones, such as POST."
    )
    idempotency_key: Literal["caller", "auto"] = Field(
        "caller",
        description="Whose key lets POST and PATCH be repeated: the caller's; auto makes one where it has none.",
    )
    key_field: FieldName = Field("Idempotency-Key", description="The field that carries the key.")


class Replay(Model):
    """Content that is kept so that a further attempt can send it again."""

    memory: Size = Field(2**20, description="Kept in memory up to this size.")
    file: Size = Field(
        64 * 2**20, description="Kept in a temporary file up to this size; larger content is sent once at most."
    )
    folder: str | None = Field(None, description="Folder of the temporary files; the system's when left out.")
    expect: Size = Field(
        0,
        description="Content from this size on, or of unknown size, is announced with `Expect: 100-continue`, so that "
        "a refusal comes before it is sent; 0 for never.",
    )
