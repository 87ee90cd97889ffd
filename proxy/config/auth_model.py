"""The shape of secrets and of auth profiles, one model per `type`.

What must not live here: reading a secret's value (`proxy.config.secrets`), using it (`proxy.auth`).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_serializer

from proxy.config.units import Duration
from proxy.secret import REDACTED, Secret

__all__ = [
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


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EnvSecret(Model):
    env: str = Field(description="Name of an environment variable.")


class FileSecret(Model):
    file: str = Field(description="Path of a file; its last line end is not part of the secret. Read again when it changes.")
    insecure: bool = Field(False, description="Accept a file that others can read, or a symbolic link.")


class CredentialSecret(Model):
    credential: str = Field(
        pattern=r"^[^/]+$", description="Name in systemd's credentials directory, or in /run/secrets."
    )


class ExecSecret(Model):
    exec: list[str] = Field(min_length=1, description="A command whose output is the secret; run at start, and again past `ttl`.")
    ttl: Duration = Field(0.0, description="How long the output is used; 0 for as long as the daemon runs.")
    timeout: Duration = Field(10.0, description="How long the command may take.")


class LiteralSecret(Model):
    """A secret written into the file itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    literal: Secret

    @model_serializer
    def _redact(self) -> str:
        return REDACTED


def _literal(value: object) -> object:
    return LiteralSecret(literal=Secret(value)) if isinstance(value, str) else value


SecretRef = Annotated[
    LiteralSecret | EnvSecret | FileSecret | CredentialSecret | ExecSecret,
    BeforeValidator(_literal),
]
"""A secret: literal text, or where it is found."""


class Profile(Model):
    """What every profile has."""

    origins: list[str] | None = Field(
        None, description="Origins that may receive the credential; those of the upstreams that use it when left out."
    )


class NoneProfile(Profile):
    """No credential: what the caller sends goes on."""

    type: Literal["none"]


class BearerProfile(Profile):
    """`Authorization: Bearer TOKEN`."""

    type: Literal["bearer"]
    token: SecretRef


class BasicProfile(Profile):
    """`Authorization: Basic …` (RFC 7617)."""

    type: Literal["basic"]
    username: SecretRef
    password: SecretRef


class ApiKeyProfile(Profile):
    """A key in a field, a query parameter or a cookie."""

    type: Literal["api_key"]
    in_: Literal["header", "query", "cookie"] = Field(alias="in", description="Where the key goes.")
    name: str = Field(min_length=1, description="Name of the field, parameter or cookie.")
    key: SecretRef
    prefix: str = Field("", description="Text before the key, such as `Token `; fields only.")


class HeadersProfile(Profile):
    """Any fields, their values templates over named secrets: `{{ name }}`, `{{ name | base64 }}`."""

    type: Literal["headers"]
    set: dict[str, str] = Field(min_length=1, description="Field names and value templates.")
    secrets: dict[str, SecretRef] = Field({}, description="What the templates may name.")


class FileProfile(Profile):
    """A bearer token that something else writes and rotates."""

    type: Literal["file"]
    path: str = Field(description="File that holds the token; read again when it changes.")
    header: str = Field("Authorization", description="Field that carries it.")
    scheme: str = Field("Bearer", description="Word before the token; empty for none.")
    insecure: bool = Field(False, description="Accept a file that others can read, or a symbolic link.")


class ExecProfile(Profile):
    """A command that prints a token, or an ExecCredential document with token and expiry."""

    type: Literal["exec"]
    command: list[str] = Field(min_length=1, description="Program and arguments; run without a shell.")
    env: dict[str, str] = Field({}, description="Environment variables to add.")
    timeout: Duration = Field(10.0, description="How long it may take.")
    ttl: Duration = Field(300.0, description="How long a plain token is used; a document's own expiry wins.")
    header: str = Field("Authorization", description="Field that carries the token.")
    scheme: str = Field("Bearer", description="Word before the token; empty for none.")


AuthProfile = Annotated[
    NoneProfile | BearerProfile | BasicProfile | ApiKeyProfile | HeadersProfile | FileProfile | ExecProfile,
    Field(discriminator="type"),
]
"""A credential profile, by its `type`."""
