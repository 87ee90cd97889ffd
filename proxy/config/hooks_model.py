"""The options of `hooks`, and of a profile's `on_session_expired`: who is told of what happens.

What must not live here: telling them (`proxy.hooks`).
"""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from proxy.config.base import Model, wrong
from proxy.config.secret_model import SecretRef
from proxy.config.units import Duration
from proxy.config.values import EndpointUrl, Hidden, only_origin
from proxy.errors import ERRORS

__all__ = ["ErrorHook", "Hook", "Hooks"]


def _code(code: str) -> str:
    if code not in ERRORS:
        raise wrong("not the code of an error that Outrider makes", "write one of README's table, such as circuit_open")
    return code


Code = Annotated[str, AfterValidator(_code)]


class Hook(Model):
    """A webhook, or a command; not both."""

    webhook: Annotated[EndpointUrl, PlainSerializer(only_origin, return_type=str)] | None = Field(
        None, repr=False, description="URL that the event is sent to with POST, as JSON."
    )
    command: Annotated[list[Hidden], Field(min_length=1)] | None = Field(
        None, repr=False, description="Program and arguments, run without a shell; the event is its standard input."
    )
    secret: SecretRef | None = Field(None, description="Signs what is sent to `webhook`, in `Outrider-Signature`.")
    timeout: Duration = Field(10.0, gt=0, description="How long one attempt may take.")
    attempts: int = Field(5, ge=1, le=20, description="Attempts in all; the wait between them doubles from 1s to 60s.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.webhook is None) == (self.command is None):
            raise wrong("a hook is a webhook or a command", "write webhook: URL, or command: [program, argument]")
        if self.secret is not None and self.webhook is None:
            raise wrong("a command has nothing to sign", "remove secret")
        return self


class ErrorHook(Hook):
    """Of errors: those of a time are told together."""

    every: Duration = Field(
        10.0, gt=0, description="Tells the first error at once, and then those of such a time together."
    )
    codes: list[Code] = Field([], description="Codes of the errors that are told; all when left out.")


class Hooks(Model):
    """Who is told of what, for all upstreams and profiles."""

    on_error: ErrorHook | None = Field(None, description="Requests that Outrider answered with an error of its own.")
    on_session_expired: Hook | None = Field(None, description="A session that is over, or was ended; once each time.")
    on_refresh: Hook | None = Field(None, description="A session that was renewed.")
