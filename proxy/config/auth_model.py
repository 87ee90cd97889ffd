"""The shape of secrets and of auth profiles, one model per `type`.

What must not live here: reading a secret's value or using it (`proxy.auth`).
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from proxy.config.base import Model, wrong
from proxy.config.units import Duration
from proxy.config.values import (
    FieldName,
    FieldValue,
    Hidden,
    Name,
    Origin,
    VariableName,
    field_name,
    is_field_value,
    is_token,
    unique_fields,
)
from proxy.secret import REDACTED, Secret

__all__ = [
    "SECRET_SHAPE",
    "SECRET_TAG",
    "ApiKeyProfile",
    "AuthProfile",
    "BasicProfile",
    "BearerProfile",
    "CredentialSecret",
    "EnvSecret",
    "ExecProfile",
    "ExecSecret",
    "FileProfile",
    "FileSecret",
    "HeadersProfile",
    "LiteralSecret",
    "NoneProfile",
    "SecretRef",
]

SECRET_TAG = "secret:"
"""What the tags of the kinds of secrets begin with, where pydantic names them in an error's place."""

SECRET_SHAPE = "a secret: text, or one of {env: NAME}, {file: PATH}, {credential: NAME}, {exec: [cmd, …]}"


class EnvSecret(Model):
    """A secret from the environment."""

    env: VariableName = Field(description="Name of an environment variable.")


class FileSecret(Model):
    """A secret from a file."""

    file: str = Field(
        min_length=1,
        description="Path of a file; its last line end is not part of the secret. Read again when it changes.",
    )
    insecure: bool = Field(False, description="Accept a file that others can read, or a symbolic link.")


class CredentialSecret(Model):
    """A secret that systemd or the container's runtime hands over."""

    credential: str = Field(
        pattern=r"^[A-Za-z0-9_][^/\x00-\x1f]*$",
        description="Name in systemd's credentials directory, or in /run/secrets.",
    )


class ExecSecret(Model):
    """A secret that a command prints."""

    exec: list[Hidden] = Field(
        min_length=1,
        repr=False,
        description="A command whose output is the secret; run at start, and again past `ttl`. No shell is involved.",
    )
    ttl: Duration = Field(0.0, description="How long the output is used; 0 for as long as the daemon runs.")
    timeout: Duration = Field(10.0, description="How long the command may take.")


class LiteralSecret(Model):
    """A secret written into the file itself."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    literal: Secret

    @model_validator(mode="before")
    @classmethod
    def _take_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if not value:
            raise wrong("the secret is empty", f"write {SECRET_SHAPE}")
        if not is_field_value(value):
            raise wrong("the secret holds a line break or a control character", "write it on one line, in quotes")
        return {"literal": Secret(value)}

    @model_serializer
    def _redact(self) -> str:
        return REDACTED

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "minLength": 1, "description": "The secret itself."}


_KINDS: dict[str, type[Model]] = {
    "literal": LiteralSecret,
    "env": EnvSecret,
    "file": FileSecret,
    "credential": CredentialSecret,
    "exec": ExecSecret,
}


def _kind(value: Any) -> str | None:
    """The tag of the kind of secret that `value` is meant to be."""
    found = [kind for kind, model in _KINDS.items() if isinstance(value, model)]
    if isinstance(value, str):
        found = ["literal"]
    elif isinstance(value, dict):
        found = [kind for kind in ("env", "file", "credential", "exec") if kind in value]
    return SECRET_TAG + found[0] if len(found) == 1 else None


SecretRef = Annotated[
    Annotated[LiteralSecret, Tag("secret:literal")]
    | Annotated[EnvSecret, Tag("secret:env")]
    | Annotated[FileSecret, Tag("secret:file")]
    | Annotated[CredentialSecret, Tag("secret:credential")]
    | Annotated[ExecSecret, Tag("secret:exec")],
    Discriminator(_kind),
]
"""A secret: literal text, or where it is found."""


class Profile(Model):
    """What every profile has."""

    origins: list[Origin] | None = Field(
        None, description="Origins that may receive the credential; those of the upstreams that use it when left out."
    )


class NoneProfile(Profile):
    """No credential: what the caller sends goes on."""

    type: Literal["none"] = Field(description="No credential: what the caller sends goes on.")


class BearerProfile(Profile):
    """`Authorization: Bearer TOKEN`."""

    type: Literal["bearer"] = Field(description="`Authorization: Bearer TOKEN`.")
    token: SecretRef = Field(description="The token.")


class BasicProfile(Profile):
    """`Authorization: Basic …` (RFC 7617)."""

    type: Literal["basic"] = Field(description="`Authorization: Basic …` (RFC 7617).")
    username: SecretRef = Field(description="The user's name.")
    password: SecretRef = Field(description="The password.")

    @field_validator("username")
    @classmethod
    def _username_has_no_colon(cls, username: SecretRef) -> SecretRef:
        if isinstance(username, LiteralSecret) and ":" in username.literal.reveal():
            raise wrong("a user's name holds no colon", "write what stands before it; the rest is the password")
        return username


class ApiKeyProfile(Profile):
    """A key in a field, a query parameter or a cookie."""

    type: Literal["api_key"] = Field(description="A key in a field, a query parameter or a cookie.")
    in_: Literal["header", "query", "cookie"] = Field(alias="in", description="Where the key goes.")
    name: str = Field(min_length=1, description="Name of the field, parameter or cookie.")
    key: SecretRef = Field(description="The key.")
    prefix: Hidden = Field("", repr=False, description="Text before the key, such as `Token `; fields only.")

    @field_validator("name")
    @classmethod
    def _name_fits_its_place(cls, name: str, info: ValidationInfo) -> str:
        place = info.data.get("in_")
        if place == "header":
            return field_name(name)
        if place == "cookie" and not is_token(name):
            raise wrong("not a cookie name", "use letters, digits, - and _")
        if not is_field_value(name):
            raise wrong("the name holds a control character", "write it on one line")
        return name

    @field_validator("prefix")
    @classmethod
    def _prefix_stands_in_a_field(cls, prefix: str, info: ValidationInfo) -> str:
        if prefix and info.data.get("in_") in ("query", "cookie"):
            raise wrong("a prefix stands before a key in a field only", "remove it, or write in: header")
        if not is_field_value(prefix):
            raise wrong("the prefix holds a control character", "write it on one line")
        return prefix


class HeadersProfile(Profile):
    """Any fields, their values templates over named secrets: `{{ name }}`, `{{ name | base64 }}`."""

    type: Literal["headers"] = Field(description="Any fields, their values templates over named secrets.")
    set: Annotated[dict[FieldName, FieldValue], AfterValidator(unique_fields)] = Field(
        min_length=1,
        repr=False,
        description="Field names and value templates: `{{ name }}`, `{{ name | base64 }}`.",
    )
    secrets: dict[Name, SecretRef] = Field({}, description="What the templates may name.")


def _scheme(scheme: str) -> str:
    if scheme and not is_token(scheme):
        raise wrong("not a scheme", "write one word, such as Bearer, or an empty text for none")
    return scheme


Scheme = Annotated[str, AfterValidator(_scheme)]


class FileProfile(Profile):
    """A bearer token that something else writes and rotates."""

    type: Literal["file"] = Field(description="A token that something else writes and rotates.")
    path: str = Field(min_length=1, description="File that holds the token; read again when it changes.")
    header: FieldName = Field("Authorization", description="Field that carries it.")
    scheme: Scheme = Field("Bearer", description="Word before the token; empty for none.")
    insecure: bool = Field(False, description="Accept a file that others can read, or a symbolic link.")


class ExecProfile(Profile):
    """A command that prints a token, or an ExecCredential document with token and expiry."""

    type: Literal["exec"] = Field(description="A command that prints a token, or an ExecCredential document.")
    command: list[Hidden] = Field(min_length=1, repr=False, description="Program and arguments; run without a shell.")
    env: dict[VariableName, Hidden] = Field({}, repr=False, description="Environment variables to add.")
    timeout: Duration = Field(10.0, description="How long it may take.")
    ttl: Duration = Field(300.0, description="How long a plain token is used; a document's own expiry wins.")
    header: FieldName = Field("Authorization", description="Field that carries the token.")
    scheme: Scheme = Field("Bearer", description="Word before the token; empty for none.")


AuthProfile = Annotated[
    NoneProfile | BearerProfile | BasicProfile | ApiKeyProfile | HeadersProfile | FileProfile | ExecProfile,
    Field(discriminator="type"),
]
"""A credential profile, by its `type`."""
