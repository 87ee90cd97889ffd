"""The options of profiles whose tokens are given for a statement that a private key signs: GitHub's and Google's.

What must not live here: signing, asking (`proxy.auth`).
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from proxy.config.base import wrong
from proxy.config.profile import SessionProfile
from proxy.config.secret_model import SecretRef
from proxy.config.units import Duration
from proxy.config.values import EndpointUrl, is_loopback_url

__all__ = ["GithubAppProfile", "GoogleServiceAccountProfile"]


def _text_of_number(value: Any) -> Any:
    """GitHub's ids are numbers, and few people put them in quotes."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _id(value: str) -> str:
    if not value.isascii() or not value.replace(".", "").isalnum():
        raise wrong("not an id", "write the number that GitHub shows, such as 12345")
    return value


def _guarded(url: str) -> str:
    if not url.startswith("https://") and not is_loopback_url(url):
        raise wrong("tokens would cross the network in the clear", "write https://")
    return url.rstrip("/")


Id = Annotated[
    str,
    BeforeValidator(_text_of_number),
    AfterValidator(_id),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": "^[A-Za-z0-9.]+$"}, {"type": "integer", "minimum": 1}]}),
]
Words = Annotated[list[Annotated[str, Field(pattern=r"^[!-~]+$")]], Field(min_length=1)]


class GithubAppProfile(SessionProfile):
    """A GitHub App's installation token."""

    type: Literal["github_app"] = Field(description="A GitHub App's installation token.")
    app_id: Id = Field(description="The App's id, or its client id.")
    installation_id: Id = Field(description="The installation's id: the number at the end of its settings' URL.")
    private_key: SecretRef = Field(description="The App's private key, in PEM as GitHub gives it.")
    repositories: Words | None = Field(
        None, description="Names of the only repositories that the token is good for; all of them when left out."
    )
    permissions: dict[str, Literal["read", "write", "admin"]] | None = Field(
        None, description="The only permissions of the token, such as `contents: read`; all of them when left out."
    )
    api_url: Annotated[EndpointUrl, AfterValidator(_guarded)] = Field(
        "https://api.github.com", description="The API; https://HOST/api/v3 for a GitHub Enterprise Server."
    )
    timeout: Duration = Field(10.0, description="How long asking for a token may take.")
    prewarm: bool = Field(True, description="Obtain a token at start, not with the first request.")


class GoogleServiceAccountProfile(SessionProfile):
    """A Google service account's token."""

    type: Literal["google_service_account"] = Field(description="A Google service account's token.")
    key: SecretRef = Field(description="The account's key: the JSON file that Google's console gives.")
    scopes: Words | None = Field(None, description="What an access token is good for, as URLs.")
    audience: str | None = Field(
        None, min_length=1, description="Instead of scopes: who takes an id token, such as a Cloud Run service's URL."
    )
    subject: str | None = Field(
        None, min_length=1, description="The user in whose name it acts (domain-wide delegation); with scopes."
    )
    timeout: Duration = Field(10.0, description="How long asking for a token may take.")
    prewarm: bool = Field(True, description="Obtain a token at start, not with the first request.")

    @model_validator(mode="after")
    def _asks_for_one_kind(self) -> Self:
        if (self.scopes is None) == (self.audience is None):
            what = "neither scopes nor audience" if self.scopes is None else "both scopes and audience"
            raise wrong(f"{what}: one of them says which token is wanted", "write scopes: [URL] for an access token")
        if self.subject is not None and self.scopes is None:
            raise wrong("an id token has no other subject than the account", "remove subject, or write scopes")
        return self
