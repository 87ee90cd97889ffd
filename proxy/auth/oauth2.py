"""Scheme `oauth2`: a bearer token from a token endpoint, renewed before it ends.

What must not live here: the grants themselves, a file each, and the session around them.
"""

from typing import assert_never

from proxy.auth.client_credentials import ClientCredentials
from proxy.auth.means import Means
from proxy.auth.refresh_token import RefreshToken
from proxy.auth.secret_rules import SecretReader
from proxy.auth.session import SessionSource
from proxy.auth.supply import Supplier
from proxy.auth.token_endpoint import TokenEndpoint
from proxy.config.oauth2_model import OAuth2Profile

__all__ = ["oauth2_source"]


def oauth2_source(name: str, profile: OAuth2Profile, means: Means) -> SessionSource:
    return SessionSource(
        _supplier(name, profile, means),
        profile.header,
        profile.scheme,
        means.clock,
        means.spread,
        means.report(name),
        prewarm=profile.prewarm,
        patience=profile.timeout,
    )


def _supplier(name: str, profile: OAuth2Profile, means: Means) -> Supplier:
    secret = None if profile.client_secret is None else means.open(profile.client_secret)
    endpoint = TokenEndpoint(profile, secret, means.fetch, means.wall)
    readers: list[SecretReader] = [] if secret is None else [secret]
    match profile.grant:
        case "client_credentials":
            return ClientCredentials(name, profile.client_id, endpoint, readers, means.store, means.wall)
        case "refresh_token":
            assert profile.refresh_token is not None
            first = means.open(profile.refresh_token)
            grace = profile.reuse_grace
            return RefreshToken(name, profile.client_id, endpoint, readers, first, means.store, means.wall, grace)
        case _:
            assert_never(profile.grant)
