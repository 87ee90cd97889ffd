"""Where a server's endpoints are: what the profile says, or what the server says itself (OpenID Connect Discovery 1.0,
RFC 8414).

What the server said is kept until an endpoint turns out wrong. What must not live here: calling the endpoints.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from proxy.config.oauth2_model import OAuth2Profile
from proxy.config.values import is_loopback_url, origin_of
from proxy.errors import OutriderError
from proxy.message.call import Call, Fetch, Reply

__all__ = ["Discovery", "Endpoints", "NotDiscovered"]


class NotDiscovered(Exception):
    """The server did not say where its endpoints are. `detail` may be shown to callers."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Endpoints:
    """URLs; None for what the server does not have, or the profile does not name."""

    token: str
    device_authorization: str | None = None
    authorization: str | None = None
    revocation: str | None = None


class Discovery:
    """The endpoints of the server of `profile`."""

    __slots__ = ("_fetch", "_known", "_last", "_profile")

    def __init__(self, profile: OAuth2Profile, fetch: Fetch) -> None:
        self._profile = profile
        self._fetch = fetch
        self._last = self._known = _named(profile, Endpoints(profile.token_url)) if profile.token_url else None

    async def endpoints(self) -> Endpoints:
        """Raises NotDiscovered. Where the server does not say it again, what it said last stands."""
        if self._known is None:
            try:
                self._known = self._last = await self._discover()
            except NotDiscovered:
                if self._last is None:
                    raise
                return self._last
        return self._known

    def forget(self) -> None:
        """An endpoint did not do what it should: ask the server again with the next call."""
        if self._profile.issuer is not None:
            self._known = None

    async def _discover(self) -> Endpoints:
        issuer = self._profile.issuer
        assert issuer is not None
        for url in _places(issuer):
            reply = await self._ask(url)
            if reply.status == 200:
                return _named(
                    self._profile, _read(reply, issuer, mutual=self._profile.client_authentication == "tls_client_auth")
                )
            if reply.status >= 500 or reply.status == 429:
                break
        raise NotDiscovered(f"the issuer answers {reply.status} when it is asked where its endpoints are")

    async def _ask(self, url: str) -> Reply:
        try:
            return await self._fetch(Call("GET", url, [("Accept", "application/json")], b"", self._profile.timeout))
        except OutriderError as error:
            raise NotDiscovered(f"no answer from the issuer: {error.detail}") from None


def _named(profile: OAuth2Profile, said: Endpoints) -> Endpoints:
    """What the profile names goes before what the server says."""
    return Endpoints(
        said.token,
        profile.device_authorization_url or said.device_authorization,
        profile.authorization_url or said.authorization,
        profile.revocation_url or said.revocation,
    )


def _places(issuer: str) -> list[str]:
    """OpenID Connect appends its well-known path to the issuer's, RFC 8414 §3.1 puts its own before."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    root = f"{parts.scheme}://{parts.netloc}"
    return [
        f"{root}{path}/.well-known/openid-configuration",
        f"{root}/.well-known/oauth-authorization-server{path}",
    ]


def _read(reply: Reply, issuer: str, *, mutual: bool) -> Endpoints:
    """`mutual`: the endpoints for mutual TLS, where they are others (RFC 8705 §5)."""
    try:
        document = json.loads(reply.content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise NotDiscovered("the issuer answers with something that is no JSON object when asked for its endpoints")
    named = document.get("issuer")
    if named != issuer:
        # Else one server could speak for another (RFC 8414 §3.3).
        slash = isinstance(named, str) and named.rstrip("/") == issuer.rstrip("/")
        hint = "; its name has another slash at the end" if slash else ""
        raise NotDiscovered(f"the issuer calls itself by another name than the profile does{hint}")
    aliases = document.get("mtls_endpoint_aliases")
    if mutual and isinstance(aliases, dict):
        document |= aliases
    token = _endpoint(document, "token_endpoint")
    if token is None:
        raise NotDiscovered("the issuer names no token endpoint")
    return Endpoints(
        token,
        _endpoint(document, "device_authorization_endpoint"),
        _endpoint(document, "authorization_endpoint"),
        _endpoint(document, "revocation_endpoint"),
    )


def _endpoint(document: Mapping[str, Any], name: str) -> str | None:
    url = document.get(name)
    if not isinstance(url, str):
        return None
    if origin_of(url) is None or "#" in url:
        raise NotDiscovered(f"the issuer's {name} is not a URL that can be called")
    if not url.lower().startswith("https:") and not is_loopback_url(url):
        raise NotDiscovered(f"the issuer's {name} is on plain HTTP, where secrets could be read on their way")
    return url
