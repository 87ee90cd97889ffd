"""The options of `unauthorized`: how an answer looks that means "not authorised".

What must not live here: judging an answer (`proxy.policy.unauthorized`).
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from proxy.config.base import Model, wrong
from proxy.config.patterns import Expression, Pattern
from proxy.config.units import Size

__all__ = ["Unauthorized"]


class Unauthorized(Model):
    """Which answers mean that the credential was not accepted; any one of the signs is enough."""

    status: list[Annotated[int, Field(ge=200, le=599)]] | None = Field(
        None, description='Status codes that mean it; 401, and 403 with `error="invalid_token"`, when left out.'
    )
    body: Expression | None = Field(
        None, description="A JMESPath condition on a JSON answer of any status, up to `cap`."
    )
    redirect: Pattern | None = Field(
        None, description="A regular expression, searched for in the `Location` of a redirect as the caller gets it."
    )
    form: Pattern | None = Field(
        None, description="A regular expression, searched for in the first `cap` bytes of an HTML answer of status 200."
    )
    cap: Size = Field(64 * 2**10, description="Bytes of an answer that are read before it is passed on.")

    @model_validator(mode="after")
    def _has_a_sign(self) -> Self:
        if self.status == [] and self.body is None and self.redirect is None and self.form is None:
            raise wrong("no answer means it", "write status: [401], or a condition under body")
        if "cap" in self.model_fields_set and self.body is None and self.form is None:
            raise wrong("cap bounds what body and form look at", "add one of them, or remove cap")
        return self
