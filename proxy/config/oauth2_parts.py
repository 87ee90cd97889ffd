"""Groups of options of `type: oauth2`: keys that sign, and where things stand in a server's answer.

What must not live here: the profile itself (`proxy.config.oauth2_model`).
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainSerializer

from proxy.config.base import Model, wrong
from proxy.config.patterns import Expression
from proxy.config.secret_model import SecretRef
from proxy.config.units import Duration
from proxy.secret import REDACTED

__all__ = ["AnswerMap", "AssertionOptions", "DpopOptions", "KeyOptions"]

_OWN_CLAIMS = frozenset({"aud", "exp", "iat", "iss", "jti", "sub"})
_OWN_HEADER = frozenset({"alg", "crit", "kid", "typ"})


def _own_claims(claims: dict[str, Any]) -> dict[str, Any]:
    if not _OWN_CLAIMS.isdisjoint(claims):
        raise wrong("a claim that has an option of its own, or that is made for each call", "remove it from claims")
    return claims


def _own_header(header: dict[str, str]) -> dict[str, str]:
    if not _OWN_HEADER.isdisjoint(header):
        raise wrong("a member that has an option of its own", "write key_id or algorithm, and remove it from header")
    return header


def _bounded(lifetime: float) -> float:
    if not 1 <= lifetime <= 86400:
        raise wrong("an assertion lives between a second and a day", "write a time such as 60s")
    return lifetime


Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class DpopOptions(Model):
    """The key that tokens are bound to, and how it signs."""

    key: SecretRef | None = Field(
        None,
        description="The private key: PEM or a JSON Web Key. Left out, one is made, and kept under `state.dir` where "
        "that is named.",
    )
    algorithm: Algorithm | None = Field(
        None, description="How it signs; what fits the key, and ES256 for one that is made, when left out."
    )


class KeyOptions(Model):
    """A private key, and how it signs: the client's own for `private_key_jwt`."""

    key: SecretRef = Field(
        description="The private key: PEM (RSA, EC or Ed25519, without a password) or a JSON Web Key."
    )
    key_id: str | None = Field(None, min_length=1, description="The key's name, `kid`; that of the JWK when left out.")
    algorithm: Algorithm | None = Field(
        None, description="How it signs; RS256, or what fits the key's curve, when left out."
    )
    header: Annotated[dict[str, str], AfterValidator(_own_header)] = Field(
        {}, description="Further members of the header, such as `x5t`."
    )
    audience: str | None = Field(None, min_length=1, description="The claim `aud`; the issuer, or else the token URL.")
    lifetime: Annotated[Duration, AfterValidator(_bounded)] = Field(
        60.0, description="How long what is signed may be used."
    )


class AssertionOptions(KeyOptions):
    """What the grant `jwt_bearer` says and signs."""

    issuer: str | None = Field(None, min_length=1, description="The claim `iss`; `client_id` when left out.")
    subject: str | None = Field(None, min_length=1, description="The claim `sub`; the issuer when left out.")
    claims: Annotated[
        dict[str, Any], AfterValidator(_own_claims), PlainSerializer(lambda _: REDACTED, return_type=str)
    ] = Field({}, repr=False, description="Further claims.")


class AnswerMap(Model):
    """Where things stand in the server's answer, as JMESPath; what is left out stands where OAuth puts it."""

    access_token: Expression = Field("access_token", description="The token.")
    refresh_token: Expression = Field("refresh_token", description="The refresh token.")
    expires_in: Expression = Field("expires_in", description="The lifetime in seconds.")
    expires_at: Expression | None = Field(
        None, description="The end: seconds or milliseconds since 1970, or ISO 8601 with an offset."
    )
