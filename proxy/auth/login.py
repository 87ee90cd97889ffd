"""Logging in: how a person's session begins, by the grants that a person has to be there for.

What must not live here: the grants themselves (a file each), the command line, where the session goes afterwards.
"""

from proxy.auth.code_login import code_login
from proxy.auth.device_login import device_login
from proxy.auth.login_rules import LoginFailed, Screen
from proxy.auth.means import Means
from proxy.auth.secret_rules import SecretUnavailable
from proxy.auth.token_answer import Granted
from proxy.auth.token_endpoint import TokenEndpoint
from proxy.config.oauth2_model import OAuth2Profile

__all__ = ["LoginFailed", "Screen", "log_in"]


async def log_in(name: str, profile: OAuth2Profile, means: Means, screen: Screen, patience: float) -> Granted:
    """The tokens that the server gives to the profile `name` once the person on the other side of `screen` has agreed.

    `patience` is in seconds. Raises LoginFailed.
    """
    endpoint = TokenEndpoint(name, profile, means)
    ways = {"device_code": device_login, "authorization_code": code_login}
    try:
        return await ways[profile.grant](profile, endpoint, screen, patience)
    except SecretUnavailable as unavailable:
        raise LoginFailed(unavailable.detail) from None
    finally:
        await endpoint.close()
