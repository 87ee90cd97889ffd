"""Options of profiles that a person logs in for.

What must not live here: the login (`proxy.auth.login`).
"""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from proxy.config.base import wrong
from proxy.config.values import Hidden

__all__ = ["AuthorizationParameters", "RedirectUri"]

_OWN = frozenset(
    {"audience", "client_id", "code_challenge", "code_challenge_method", "redirect_uri", "resource", "response_type"}
    | {"response_mode", "scope", "state"}
)
_HOSTS = ("127.0.0.1", "localhost", "::1")


def _redirect_uri(text: str) -> str:
    """Of this machine alone, because the answer to a login comes with it."""
    try:
        parts = urlsplit(text)
        fits = parts.scheme == "http" and parts.hostname in _HOSTS and (parts.port is None or parts.port > 0)
    except ValueError:
        fits = False
    if not fits or parts.query or parts.fragment or parts.username is not None or not text.isascii():
        raise wrong("not an address of this machine", "write http://127.0.0.1/callback, with :PORT where it is fixed")
    return text


def _others(parameters: dict[str, str]) -> dict[str, str]:
    if not _OWN.isdisjoint(parameters):
        raise wrong("a parameter that the login sets itself", "remove it, or write it as the profile's own option")
    return parameters


AuthorizationParameters = Annotated[dict[str, Hidden], AfterValidator(_others)]
RedirectUri = Annotated[str, AfterValidator(_redirect_uri)]
