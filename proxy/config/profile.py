"""What every auth profile has, whatever its type.

What must not live here: any one type (`proxy.config.auth_model`).
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from proxy.config.base import Model, wrong
from proxy.config.values import Origin, is_token

__all__ = ["Profile", "Scheme"]


class Profile(Model):
    """What every profile has."""

    origins: list[Origin] | None = Field(
        None, description="Origins that may receive the credential; those of the upstreams that use it when left out."
    )


def _scheme(scheme: str) -> str:
    if scheme and not is_token(scheme):
        raise wrong("not a scheme", "write one word, such as Bearer, or an empty text for none")
    return scheme


Scheme = Annotated[str, AfterValidator(_scheme)]
