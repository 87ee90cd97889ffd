"""Scheme `oauth2`: a bearer token from a token endpoint, renewed before it ends.

What must not live here: the grants themselves, a file each, and the session around them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from proxy.auth.assertion import Assertions
from proxy.auth.client_grant import ClientCredentials
from proxy.auth.direct_grant import DirectGrant
from proxy.auth.grant import Grant, place
from proxy.auth.jwt_bearer import JwtBearer
from proxy.auth.means import Means
from proxy.auth.password import Password
from proxy.auth.refresh_token import RefreshToken
from proxy.auth.session import SessionSource
from proxy.auth.supply import Supplier
from proxy.auth.token_endpoint import TokenEndpoint
from proxy.auth.token_exchange import TokenExchange
from proxy.config.oauth2_model import OAuth2Profile

__all__ = ["oauth2_source"]


def oauth2_source(name: str, profile: OAuth2Profile, means: Means) -> SessionSource:
    endpoint = TokenEndpoint(name, profile, means)
    supplier = _GRANTS[profile.grant](_Parts(name, profile, means, endpoint))
    report, prewarm, patience = means.report(name), profile.prewarm, profile.timeout
    if endpoint.keys is not None:
        # Imported here: only profiles with such tokens load what it takes to prove a key.
        from proxy.auth.dpop import BoundSession

        return BoundSession(supplier, endpoint.keys, means, report, prewarm=prewarm, patience=patience)
    return SessionSource(
        supplier,
        profile.header,
        profile.scheme,
        means.clock,
        means.spread,
        report,
        prewarm=prewarm,
        patience=patience,
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a grant's supplier is made of. The model has seen to it that what a grant needs is there."""

    name: str
    profile: OAuth2Profile
    means: Means
    endpoint: TokenEndpoint

    @property
    def client(self) -> str:
        return self.profile.client_id or ""


def _direct(parts: _Parts, grant: Grant) -> Supplier:
    return DirectGrant(parts.name, parts.client, parts.endpoint, grant, parts.means.store, parts.means.wall)


def _client_credentials(parts: _Parts) -> Supplier:
    return _direct(parts, ClientCredentials())


def _refresh_token(parts: _Parts) -> Supplier:
    profile, means = parts.profile, parts.means
    first = None if profile.refresh_token is None else means.open(profile.refresh_token)
    return RefreshToken(parts.name, parts.client, parts.endpoint, first, means.store, means.wall, profile.reuse_grace)


def _password(parts: _Parts) -> Supplier:
    profile, open_ = parts.profile, parts.means.open
    assert profile.username is not None
    assert profile.password is not None
    return _direct(parts, Password(open_(profile.username), open_(profile.password)))


def _jwt_bearer(parts: _Parts) -> Supplier:
    profile, means = parts.profile, parts.means
    if profile.assertion is not None:
        reader = means.open(profile.assertion)

        async def ready() -> str:
            return (await reader.read()).reveal()

        return _direct(parts, JwtBearer(ready, (reader,), (place(profile.assertion),), rotates=True))
    options = profile.sign_assertion
    assert options is not None
    assertions = Assertions(options, means.open_key(options.key), means.wall)
    issuer = options.issuer or parts.client
    claims = {**options.claims, "iss": issuer, "sub": options.subject or issuer}

    async def made() -> str:
        audience = options.audience or profile.issuer or profile.token_url
        return await assertions.make({**claims, "aud": audience})

    identity = [f"{name}={claim}" for name, claim in claims.items()]
    return _direct(parts, JwtBearer(made, assertions.readers, identity, rotates=False))


def _token_exchange(parts: _Parts) -> Supplier:
    profile, open_ = parts.profile, parts.means.open
    assert profile.subject_token is not None
    subject = open_(profile.subject_token), profile.subject_token_type
    identity = [place(profile.subject_token), profile.subject_token_type]
    actor = None
    if profile.actor_token is not None:
        actor = open_(profile.actor_token), profile.actor_token_type
        identity += [place(profile.actor_token), profile.actor_token_type]
    return _direct(parts, TokenExchange(subject, actor, profile.requested_token_type or "", identity))


_GRANTS: dict[str, Callable[[_Parts], Supplier]] = {
    "client_credentials": _client_credentials,
    "refresh_token": _refresh_token,
    "device_code": _refresh_token,
    "authorization_code": _refresh_token,
    "password": _password,
    "jwt_bearer": _jwt_bearer,
    "token_exchange": _token_exchange,
}
"""By the name of the grant, as `proxy.config.oauth2_rules` has them."""
