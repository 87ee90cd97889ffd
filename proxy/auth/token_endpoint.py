"""A token endpoint: what it is sent, and how the client proves who it is.

What must not live here: what the answer means (`token_answer`), which grant is asked for, connections.
"""

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus, urlencode

from proxy.auth.record import fingerprint
from proxy.auth.secret_rules import SecretReader
from proxy.auth.token_answer import Granted, Refused, read_answer
from proxy.clock import Clock
from proxy.config.oauth2_model import OAuth2Profile
from proxy.errors import OutriderError
from proxy.message.call import Call, Fetch

__all__ = ["Lost", "TokenEndpoint"]


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no answer. `sent`: the endpoint may have acted on the call all the same."""

    detail: str
    sent: bool


class TokenEndpoint:
    """`secret` proves the client, None for a public one. `wall` is wall time."""

    __slots__ = ("_fetch", "_profile", "_secret", "_wall")

    def __init__(self, profile: OAuth2Profile, secret: SecretReader | None, fetch: Fetch, wall: Clock) -> None:
        self._profile = profile
        self._secret = secret
        self._fetch = fetch
        self._wall = wall

    @property
    def form(self) -> str:
        """The fingerprint of everything that decides what a token is good for."""
        profile = self._profile
        asked = urlencode(self._asked())
        return fingerprint(profile.token_url, profile.client_id, asked)

    async def ask(
        self, grant: Sequence[tuple[str, str]], ready: Callable[[], Awaitable[None]] | None = None
    ) -> Granted | Refused | Lost:
        """One exchange. Raises SecretUnavailable, and what `ready` raises."""
        profile = self._profile
        pairs = [*grant, *self._asked()]
        fields = [("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded")]
        secret = (await self._secret.read()).reveal() if self._secret is not None else ""
        match profile.client_authentication:
            case "client_secret_basic":
                fields.append(_basic(quote_plus(profile.client_id), quote_plus(secret)))
            case "client_secret_basic_raw":
                fields.append(_basic(profile.client_id, secret))
            case "client_secret_post":
                pairs += [("client_id", profile.client_id), ("client_secret", secret)]
            case "none":
                pairs.append(("client_id", profile.client_id))
        fields += profile.headers.items()
        call = Call("POST", profile.token_url, fields, urlencode(pairs).encode(), profile.timeout)
        try:
            reply = await self._fetch(call, ready)
        except OutriderError as error:
            return Lost(f"no answer from the token endpoint: {error.detail}", error.processed)
        return read_answer(reply, self._wall())

    def forget(self) -> bool:
        """The client's proof was refused: read it again. False where that cannot change it."""
        return self._secret is not None and self._secret.forget()

    async def close(self) -> None:
        if self._secret is not None:
            await self._secret.close()

    def _asked(self) -> list[tuple[str, str]]:
        profile = self._profile
        pairs = [("scope", profile.scope_separator.join(profile.scopes))] if profile.scopes else []
        if profile.audience:
            pairs.append(("audience", profile.audience))
        pairs += [("resource", resource) for resource in profile.resources]
        return pairs + list(profile.parameters.items())


def _basic(name: str, secret: str) -> tuple[str, str]:
    pair = base64.b64encode(f"{name}:{secret}".encode()).decode()
    return "Authorization", f"Basic {pair}"
