"""The options of `type: refresh_endpoint`.

What must not live here: what is done with them (`proxy.auth.refresh_endpoint`).
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from proxy.config.base import wrong
from proxy.config.call_model import CallOptions, ResponseMap
from proxy.config.profile import Scheme, SessionProfile
from proxy.config.secret_model import SecretRef
from proxy.config.values import FieldName, Name

__all__ = ["RefreshEndpointProfile"]

OWN_NAMES = frozenset({"access_token", "refresh_token"})


class RefreshEndpointProfile(SessionProfile):
    """A token that an API's own call exchanges for the next one."""

    type: Literal["refresh_endpoint"] = Field(description="A token that an API's own call exchanges for the next one.")
    initial_token: SecretRef | None = Field(None, description="The token to begin with.")
    initial_refresh_token: SecretRef | None = Field(
        None, description="The refresh token to begin with; what the API gives later is kept."
    )
    request: CallOptions = Field(description="The call that gets the next token.")
    response: ResponseMap = Field(ResponseMap(), description="Where in its answer things stand, as JMESPath.")
    secrets: dict[Name, SecretRef] = Field({}, description="What the templates may name beside the tokens.")
    auto_refresh: bool = Field(True, description="Refresh by itself; else only when told to, by the admin listener.")
    header: FieldName = Field("Authorization", description="Field that carries the token to the upstream.")
    scheme: Scheme = Field("Bearer", description="Word before the token; empty for none.")

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.initial_token is None and self.initial_refresh_token is None:
            raise wrong("there is no token to begin with", "add initial_token: {env: NAME}")
        if taken := OWN_NAMES & self.secrets.keys():
            raise wrong(f"{min(taken)} is what the templates call the current one", "give the secret another name")
        if not self.auto_refresh and self.initial_token is None:
            raise wrong("without auto_refresh there must be a token to begin with", "add initial_token: {env: NAME}")
        return self
