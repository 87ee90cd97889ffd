"""The options of `errors`: what becomes of an upstream's own error answers.

What must not live here: what they become (`proxy.policy.upstream_error`).
"""

from pydantic import Field

from proxy.config.base import Model
from proxy.config.patterns import Expression
from proxy.config.units import Duration, Size

__all__ = ["USUAL_MESSAGE", "ErrorsPolicy"]

USUAL_MESSAGE = "detail || message || error.message || error_description || error"
"""Where APIs mostly put the sentence that is meant for people."""


class ErrorsPolicy(Model):
    """The upstream's own answers with a status of 400 and above."""

    normalize: bool = Field(
        False, description="Turn them into problem documents like Outrider's own; they pass untouched otherwise."
    )
    message: Expression = Field(
        USUAL_MESSAGE, description="JMESPath of the text for people in a JSON answer; it becomes `detail`."
    )
    max_bytes: Size = Field(64 * 2**10, description="Bytes of the answer that are kept under `upstream_error`.")
    max_wait: Duration = Field(2.0, description="How long is waited for the rest of an answer that has begun.")
