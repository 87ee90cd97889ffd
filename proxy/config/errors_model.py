"""The options of `errors`: what becomes of an upstream's own error answers.

What must not live here: what they become (`proxy.policy.upstream_error`).
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from proxy.config.base import Model, wrong
from proxy.config.units import Duration, Size

__all__ = ["USUAL_MESSAGE", "ErrorsPolicy", "Expression"]

USUAL_MESSAGE = "detail || message || error.message || error_description || error"
"""Where APIs mostly put the sentence that is meant for people."""


_RIGHT = "write where the text stands in the upstream's answer, such as error.message || message"


def _expression(text: str) -> str:
    # Only a file with an expression in it needs the library.
    import jmespath
    from jmespath.exceptions import JMESPathError, JMESPathTypeError, UnknownFunctionError

    try:
        jmespath.compile(text).search({})
    except UnknownFunctionError:
        raise wrong("this JMESPath calls a function that there is not", _RIGHT) from None
    except JMESPathError as error:
        # A function that finds nothing to work on finds something in an answer.
        if not isinstance(error, JMESPathTypeError):
            raise wrong("not a JMESPath expression", _RIGHT) from None
    return text


Expression = Annotated[str, AfterValidator(_expression)]


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
