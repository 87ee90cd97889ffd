"""The shape of secrets: literal text, or where one is found.

What must not live here: reading a secret's value (`proxy.auth`).
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Discriminator, Field, GetJsonSchemaHandler, Tag, model_serializer, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from proxy.config.base import Model, wrong
from proxy.config.units import Duration
from proxy.config.values import Hidden, VariableName, is_field_value
from proxy.secret import REDACTED, Secret

__all__ = [
    "SECRET_SHAPE",
    "SECRET_TAG",
    "CredentialSecret",
    "EnvSecret",
    "ExecSecret",
    "FileSecret",
    "LiteralSecret",
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
