"""What every model of the configuration is made of: the strict frozen base, and the error that a rule raises.

What must not live here: any option, any rule of its own.
"""

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

__all__ = ["RULE", "Model", "wrong"]

RULE = "rule"
"""The type of the errors that `wrong` makes; their context holds `what` is wrong and what would be `right`."""


class Model(BaseModel):
    # Values may be secrets in the wrong place, so an error never shows its input.
    # A model is built when it is first used, most of them as a part of the whole file and never alone.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, defer_build=True)


def wrong(what: str, right: str) -> PydanticCustomError:
    """An error for a validator to raise. Neither text may hold the value unless it cannot be a secret."""
    return PydanticCustomError(RULE, "{what}; {right}", {"what": what, "right": right})
