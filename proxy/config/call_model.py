"""The options of a call that a profile makes for itself, and where in its answer things stand.

Their texts are templates. What must not live here: filling them in (`proxy.policy.call_template`), making the call.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from proxy.config.base import Model, wrong
from proxy.config.patterns import Expression
from proxy.config.units import Duration
from proxy.config.values import EndpointUrl, FieldName, Hidden, Method, is_field_value, unique_fields
from proxy.secret import REDACTED

__all__ = ["CallOptions", "ResponseMap", "TemplateText", "texts_of"]

TemplateText = tuple[tuple[str | int, ...], str]
"""Where in a call a template stands, and the template."""


def _as_text(value: Any) -> Any:
    """Numbers and truth values as they are written; everything in a query and a form is text in the end."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value


def _field_template(value: str) -> str:
    if not is_field_value(value) or value != value.strip(" \t"):
        raise wrong("not a field value: a line break, or a space around it", "write it on one line")
    return value


def _path(path: str) -> str:
    if not path.startswith("/") or "#" in path or not all("!" <= char <= "~" for char in path):
        raise wrong("not a path on the upstream", "write it such as /auth/refresh")
    return path


def _method(method: str) -> str:
    if method in ("CONNECT", "TRACE", "HEAD"):
        raise wrong("an answer to this method has no content to read a token from", "write POST, PUT, PATCH or GET")
    return method


Parameter = Annotated[Hidden, BeforeValidator(_as_text), WithJsonSchema({"type": ["string", "number", "boolean"]})]
FieldTemplate = Annotated[Hidden, AfterValidator(_field_template)]
Json = Annotated[Any, PlainSerializer(lambda value: None if value is None else REDACTED), WithJsonSchema({})]


class CallOptions(Model):
    """A call. `url`, or `path` on the upstream that uses the profile, with its base path before it."""

    method: Annotated[Method, AfterValidator(_method)] = Field("POST", description="Its method.")
    url: EndpointUrl | None = Field(None, description="Where it goes, when that is not the upstream.")
    path: Annotated[str, AfterValidator(_path)] | None = Field(
        None, description="Path on the upstream that uses this profile, below its base path."
    )
    query: dict[str, Parameter] = Field({}, repr=False, description="Query parameters; templates.")
    headers: Annotated[dict[FieldName, FieldTemplate], AfterValidator(unique_fields)] = Field(
        {}, repr=False, description="Fields; templates."
    )
    json_: Json = Field(None, alias="json", repr=False, description="JSON content; its texts are templates.")
    form: dict[str, Parameter] | None = Field(None, repr=False, description="Content as a form; templates.")
    timeout: Duration = Field(10.0, description="How long all of it may take.")

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if (self.url is None) == (self.path is None):
            raise wrong("a call goes to one place", "write path: /… on the upstream, or url: https://…")
        if self.json_ is not None and self.form is not None:
            raise wrong("a call has one content", "write json: or form:, not both")
        if self.method == "GET" and (self.json_ is not None or self.form is not None):
            raise wrong("a GET has no content", "write method: POST, or put the values under query:")
        return self


class ResponseMap(Model):
    """Where in the answer things stand, as JMESPath expressions over a JSON document."""

    access_token: Expression = Field("access_token", description="The token.")
    refresh_token: Expression | None = Field(
        None, description="The next refresh token; the one that there is stays where the answer has none."
    )
    expires_in: Expression | None = Field(None, description="Seconds until the token ends.")
    expires_at: Expression | None = Field(
        None, description="When it ends: seconds or milliseconds since 1970, or ISO 8601 with its zone."
    )

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.expires_in is not None and self.expires_at is not None:
            raise wrong("the end of the token is told twice", "write expires_in or expires_at")
        return self


def texts_of(call: CallOptions) -> Iterator[TemplateText]:
    """Every template of the call."""
    yield from ((("query", name), text) for name, text in call.query.items())
    yield from ((("headers", name), text) for name, text in call.headers.items())
    yield from ((("form", name), text) for name, text in (call.form or {}).items())
    yield from _json_texts(call.json_, ("json",))


def _json_texts(value: Any, at: tuple[str | int, ...]) -> Iterator[TemplateText]:
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _json_texts(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _json_texts(inner, (*at, index))
