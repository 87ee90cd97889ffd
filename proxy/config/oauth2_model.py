"""The options of `type: oauth2`.

What must not live here: what is done with them (`proxy.auth`).
"""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from proxy.config.base import wrong
from proxy.config.profile import RenewableProfile, Scheme
from proxy.config.secret_model import SecretRef
from proxy.config.units import Duration
from proxy.config.values import EndpointUrl, FieldName, FieldValue, Hidden, unique_fields

__all__ = ["ClientAuthentication", "OAuth2Profile"]

ClientAuthentication = Literal["client_secret_basic", "client_secret_basic_raw", "client_secret_post", "none"]

_OWN_PARAMETERS = frozenset(
    {"audience", "client_id", "client_secret", "grant_type", "refresh_token", "resource", "scope"}
)


def _own_options(parameters: dict[str, str]) -> dict[str, str]:
    if not _OWN_PARAMETERS.isdisjoint(parameters):
        raise wrong("a parameter that has an option of its own", "write it as that option, beside parameters")
    return parameters


class OAuth2Profile(RenewableProfile):
    """A token from an OAuth 2.0 token endpoint (RFC 6749), renewed before it ends."""

    type: Literal["oauth2"] = Field(description="A token from an OAuth 2.0 token endpoint, renewed before it ends.")
    grant: Literal["client_credentials", "refresh_token"] = Field(description="What is exchanged for a token.")
    token_url: EndpointUrl = Field(description="The token endpoint.")
    client_id: str = Field(min_length=1, description="The client's name at the server.")
    client_secret: SecretRef | None = Field(None, description="The client's secret; left out for a public client.")
    client_auth: ClientAuthentication | None = Field(
        None,
        description="How the client proves who it is; `client_secret_basic` where there is a secret, else `none`. "
        "`client_secret_basic_raw` leaves both parts unencoded, which some servers want.",
    )
    refresh_token: SecretRef | None = Field(
        None, description="The first refresh token, for the grant of that name; what the server gives later is kept."
    )
    reuse_grace: Duration = Field(
        0.0,
        description="How long after an exchange whose answer was lost the server takes the same refresh token again; "
        "without such a window it is not presented twice.",
    )
    scope: str | list[str] = Field([], description="Scopes to ask for.")
    scope_separator: str = Field(" ", min_length=1, max_length=1, description="What stands between two scopes.")
    audience: str | None = Field(None, description="The parameter `audience`.")
    resource: str | list[str] = Field([], description="The parameter `resource` (RFC 8707), once for each.")
    parameters: Annotated[dict[str, Hidden], AfterValidator(_own_options)] = Field(
        {}, repr=False, description="Further parameters of the token request."
    )
    headers: Annotated[dict[FieldName, FieldValue], AfterValidator(unique_fields)] = Field(
        {}, repr=False, description="Further fields of the token request."
    )
    timeout: Duration = Field(10.0, description="How long the token endpoint may take.")
    prewarm: bool = Field(True, description="Obtain the token at start; else with the first request.")
    header: FieldName = Field("Authorization", description="Field that carries the token to the upstream.")
    scheme: Scheme = Field("Bearer", description="Word before the token; empty for none.")

    @property
    def client_authentication(self) -> ClientAuthentication:
        if self.client_auth is not None:
            return self.client_auth
        return "none" if self.client_secret is None else "client_secret_basic"

    @property
    def scopes(self) -> Sequence[str]:
        return _listed(self.scope)

    @property
    def resources(self) -> Sequence[str]:
        return _listed(self.resource)

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.grant == "refresh_token" and self.refresh_token is None:
            raise wrong("the grant refresh_token has no refresh_token", "add refresh_token: {file: PATH}")
        if self.grant != "refresh_token" and self.refresh_token is not None:
            raise wrong("only the grant refresh_token has a refresh_token", "remove it, or write grant: refresh_token")
        if self.client_authentication != "none" and self.client_secret is None:
            raise wrong("this client_auth wants a client_secret", "add client_secret: {env: NAME}, or write none")
        if self.client_authentication == "none" and self.client_secret is not None:
            raise wrong("client_auth: none sends no client_secret", "remove one of the two")
        if self.client_authentication == "none" and self.grant == "client_credentials":
            raise wrong("client_credentials wants a client that proves who it is", "add client_secret: {env: NAME}")
        return self


def _listed(value: str | list[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value
