"""The options of `type: login`.

What must not live here: what is done with them (`proxy.auth.login_calls`).
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from proxy.config.base import Model, wrong
from proxy.config.call_model import CallOptions, ResponseMap
from proxy.config.patterns import Expression
from proxy.config.profile import Scheme, SessionProfile
from proxy.config.secret_model import SecretRef
from proxy.config.units import Duration
from proxy.config.values import FieldName, Name, is_token

__all__ = ["LoginProfile", "LoginResponse", "LoginStep", "Taken"]


def _cookie_name(name: str) -> str:
    if not is_token(name):
        raise wrong("not a cookie name", "use letters, digits, - and _")
    return name


CookieName = Annotated[str, AfterValidator(_cookie_name)]


class Taken(Model):
    """Where in a step's answer a value stands: one of these."""

    json_: Expression | None = Field(None, alias="json", description="A JMESPath expression over its JSON document.")
    input: str | None = Field(None, min_length=1, description="Name of an `input` or `meta` in its HTML.")
    cookie: CookieName | None = Field(None, description="Name of a cookie.")
    field: FieldName | None = Field(None, description="Name of a field of its head.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise wrong("a value is taken from one place", "write one of json, input, cookie and field")
        return self


class LoginStep(Model):
    """A call of the login, and what the next one may name of its answer."""

    request: CallOptions = Field(description="The call.")
    take: dict[Name, Taken] = Field({}, description="Names for the next step's templates, and where each stands.")


class LoginResponse(ResponseMap):
    """Where in the last answer the token stands."""

    field: FieldName | None = Field(None, description="Field of its head with the token, instead of `access_token`.")

    @model_validator(mode="after")
    def _no_refresh_token(self) -> Self:
        if self.refresh_token is not None:
            raise wrong("a login has no refresh token: it logs in again", "remove refresh_token")
        if self.field is not None and "access_token" in self.model_fields_set:
            raise wrong("the token stands in one place", "write access_token or field")
        return self


class LoginProfile(SessionProfile):
    """A token or cookies that credentials are exchanged for in one or two calls."""

    type: Literal["login"] = Field(description="Credentials exchanged for a token or cookies in one or two calls.")
    steps: list[LoginStep] = Field(min_length=1, max_length=4, description="The calls, in order, with one cookie jar.")
    secrets: dict[Name, SecretRef] = Field({}, description="What the templates may name.")
    response: LoginResponse | None = Field(
        None, description="Where in the last answer the token stands; the cookies are sent where this is left out."
    )
    cookies: list[CookieName] = Field([], description="Cookies that must come of it, and are sent; all when left out.")
    ttl: Duration = Field(
        0.0, description="How long it lasts where the answer does not say; 0 until an answer is `unauthorized`."
    )
    prewarm: bool = Field(True, description="Log in at start; else with the first request.")
    header: FieldName = Field("Authorization", description="Field that carries the token to the upstream.")
    scheme: Scheme = Field("Bearer", description="Word before the token; empty for none.")

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.response is not None and self.cookies:
            raise wrong("a login gives a token or cookies", "remove response, or cookies")
        names = [name for step in self.steps for name in step.take]
        if len({*names, *self.secrets}) < len(names) + len(self.secrets):
            raise wrong("two values of the login have one name", "give each value under secrets and take its own")
        if self.steps[-1].take:
            raise wrong("nothing comes after the last step that could use what it takes", "remove take")
        return self
