"""What every auth profile has, whatever its type.

What must not live here: any one type (`proxy.config.auth_model`).
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from proxy.config.base import Model, wrong
from proxy.config.hooks_model import Hook
from proxy.config.secret_model import LiteralSecret, SecretRef
from proxy.config.unauthorized_model import Unauthorized
from proxy.config.values import Origin, is_token

__all__ = ["Profile", "RenewableProfile", "Scheme", "SessionProfile", "UserName"]


class Profile(Model):
    """What every profile has."""

    origins: list[Origin] | None = Field(
        None, description="Origins that may receive the credential; those of the upstreams that use it when left out."
    )


class RenewableProfile(Profile):
    """A profile whose credential may be another one after it was refused."""

    unauthorized: Unauthorized | None = Field(
        None, description="Which answers mean that the credential was not accepted, beside or instead of the usual."
    )


class SessionProfile(RenewableProfile):
    """A profile whose session can be over, so that only new credentials help."""

    on_session_expired: Hook | None = Field(
        None, description="A webhook or a command that is told when its session is over, once each time."
    )


def _scheme(scheme: str) -> str:
    if scheme and not is_token(scheme):
        raise wrong("not a scheme", "write one word, such as Bearer, or an empty text for none")
    return scheme


Scheme = Annotated[str, AfterValidator(_scheme)]


def _user_name(name: SecretRef) -> SecretRef:
    if isinstance(name, LiteralSecret) and ":" in name.literal.reveal():
        raise wrong("a user's name holds no colon", "write what stands before it; the rest is the password")
    return name


UserName = Annotated[SecretRef, AfterValidator(_user_name)]
"""Of Basic and Digest, which put a colon behind it."""
