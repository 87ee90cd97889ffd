"""The shape of auth profiles, one model per `type`; those of OAuth have a file of their own.

What must not live here: what a secret looks like (`proxy.config.secret_model`), using one (`proxy.auth`).
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from proxy.config.app_model import GithubAppProfile, GoogleServiceAccountProfile
from proxy.config.base import wrong
from proxy.config.login_model import LoginProfile
from proxy.config.oauth2_model import OAuth2Profile
from proxy.config.profile import Profile, RenewableProfile, Scheme, SessionProfile, UserName
from proxy.config.refresh_model import RefreshEndpointProfile
from proxy.config.secret_model import (
    SECRET_SHAPE,
    SECRET_TAG,
    CredentialSecret,
    EnvSecret,
    ExecSecret,
    FileSecret,
    LiteralSecret,
    SecretRef,
)
from proxy.config.signing_model import AwsSigV4Profile, DigestProfile, HmacProfile
from proxy.config.units import Duration
from proxy.config.values import (
    FieldName,
    FieldValue,
    Hidden,
    Name,
    VariableName,
    field_name,
    is_field_value,
    is_token,
    unique_fields,
)

__all__ = [
    "SECRET_SHAPE",
    "SECRET_TAG",
    "ApiKeyProfile",
    "AuthProfile",
    "AwsSigV4Profile",
    "BasicProfile",
    "BearerProfile",
    "CredentialSecret",
    "DigestProfile",
    "EnvSecret",
    "ExecProfile",
    "ExecSecret",
    "FileProfile",
    "FileSecret",
    "GithubAppProfile",
    "GoogleServiceAccountProfile",
    "HeadersProfile",
    "HmacProfile",
    "LiteralSecret",
    "LoginProfile",
    "NoneProfile",
    "OAuth2Profile",
    "RefreshEndpointProfile",
    "SecretRef",
]


class NoneProfile(Profile):
    """No credential: what the caller sends goes on."""

    type: Literal["none"] = Field(description="No credential: what the caller sends goes on.")


class BearerProfile(RenewableProfile):
    """`Authorization: Bearer TOKEN`."""

    type: Literal["bearer"] = Field(description="`Authorization: Bearer TOKEN`.")
    token: SecretRef = Field(description="The token.")


class BasicProfile(RenewableProfile):
    """`Authorization: Basic …` (RFC 7617)."""

    type: Literal["basic"] = Field(description="`Authorization: Basic …` (RFC 7617).")
    username: UserName = Field(description="The user's name.")
    password: SecretRef = Field(description="The password.")


class ApiKeyProfile(RenewableProfile):
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


class HeadersProfile(RenewableProfile):
    """Any fields, their values templates over named secrets: `{{ name }}`, `{{ name | base64 }}`."""

    type: Literal["headers"] = Field(description="Any fields, their values templates over named secrets.")
    set: Annotated[dict[FieldName, FieldValue], AfterValidator(unique_fields)] = Field(
        min_length=1,
        repr=False,
        description="Field names and value templates: `{{ name }}`, `{{ name | base64 }}`.",
    )
    secrets: dict[Name, SecretRef] = Field({}, description="What the templates may name.")


class FileProfile(RenewableProfile):
    """A bearer token that something else writes and rotates."""

    type: Literal["file"] = Field(description="A token that something else writes and rotates.")
    path: str = Field(min_length=1, description="File that holds the token; read again when it changes.")
    header: FieldName = Field("Authorization", description="Field that carries it.")
    scheme: Scheme = Field("Bearer", description="Word before the token; empty for none.")
    insecure: bool = Field(False, description="Accept a file that others can read, or a symbolic link.")


class ExecProfile(SessionProfile):
    """A command that prints a token, or an ExecCredential document with token and expiry."""

    type: Literal["exec"] = Field(description="A command that prints a token, or an ExecCredential document.")
    command: list[Hidden] = Field(min_length=1, repr=False, description="Program and arguments; run without a shell.")
    env: dict[VariableName, Hidden] = Field({}, repr=False, description="Environment variables to add.")
    timeout: Duration = Field(10.0, description="How long it may take.")
    ttl: Duration = Field(300.0, description="How long a plain token is used; a document's own expiry wins.")
    header: FieldName = Field("Authorization", description="Field that carries the token.")
    scheme: Scheme = Field("Bearer", description="Word before the token; empty for none.")


AuthProfile = Annotated[
    NoneProfile
    | BearerProfile
    | BasicProfile
    | ApiKeyProfile
    | HeadersProfile
    | FileProfile
    | ExecProfile
    | OAuth2Profile
    | HmacProfile
    | AwsSigV4Profile
    | RefreshEndpointProfile
    | LoginProfile
    | DigestProfile
    | GithubAppProfile
    | GoogleServiceAccountProfile,
    Field(discriminator="type"),
]
"""A credential profile, by its `type`."""
