"""A token endpoint: what it is sent.

What must not live here: what the answer means (`token_answer`), which grant is asked for, how the client proves who it
is (`client_proof`), connections.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from proxy.auth.client_proof import ClientProof, client_proof
from proxy.auth.discovery import Discovery, NotDiscovered
from proxy.auth.grant import Pairs
from proxy.auth.means import Means
from proxy.auth.record import fingerprint
from proxy.auth.secret_rules import SecretReader
from proxy.auth.token_answer import AnswerReader, Granted, Refused
from proxy.config.oauth2_model import OAuth2Profile
from proxy.errors import OutriderError
from proxy.message.call import Call, Reply

__all__ = ["Lost", "TokenEndpoint"]


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no answer. `sent`: the endpoint may have acted on the call all the same."""

    detail: str
    sent: bool


class TokenEndpoint:
    """The token endpoint of `profile`, and the server's others by `discovery`; `proof` is how the client signs in."""

    __slots__ = ("_fetch", "_profile", "_read", "_wall", "discovery", "proof")

    def __init__(self, profile: OAuth2Profile, means: Means) -> None:
        self._profile = profile
        self._fetch = means.fetch_over(profile.tls)
        self._wall = means.wall
        self._read = AnswerReader(profile.response)
        self.discovery = Discovery(profile, self._fetch)
        self.proof: ClientProof = client_proof(profile, means)

    @property
    def form(self) -> str:
        """The fingerprint of everything that decides what a token is good for."""
        profile = self._profile
        asked = urlencode([*self._scope(), *self._asked()])
        return fingerprint(profile.server, profile.client_id or "", asked)

    @property
    def readers(self) -> Sequence[SecretReader]:
        """The secrets that prove the client."""
        return self.proof.readers

    async def ask(
        self,
        grant: Sequence[tuple[str, str]],
        ready: Callable[[], Awaitable[None]] | None = None,
        *,
        scope: bool = True,
    ) -> Granted | Refused | Lost:
        """One exchange, without the scope where that is what was granted before. Raises SecretUnavailable, and what
        `ready` raises."""
        try:
            url = (await self.discovery.endpoints()).token
        except NotDiscovered as unknown:
            return Lost(unknown.detail, sent=False)
        pairs = [*grant, *(self._scope() if scope else ()), *self._asked()]
        try:
            reply = await self.post(url, pairs, ready)
        except OutriderError as error:
            self.discovery.forget()
            return Lost(f"no answer from the token endpoint: {error.detail}", error.processed)
        outcome = self._read(reply, self._wall())
        if isinstance(outcome, Refused) and not outcome.code:
            # No word of OAuth's: it may have moved.
            self.discovery.forget()
        if isinstance(outcome, Refused) and outcome.code == "invalid_client" and self.proof.dated:
            return outcome.of_its_time()
        return outcome

    async def post(self, url: str, pairs: Pairs, ready: Callable[[], Awaitable[None]] | None = None) -> Reply:
        """A call of any of the server's endpoints, with the client's proof. Raises OutriderError, and as `ask` does."""
        pairs = list(pairs)
        fields = [("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded")]
        await self.proof.add(pairs, fields, url)
        fields += self._profile.headers.items()
        return await self._fetch(Call("POST", url, fields, urlencode(pairs).encode(), self._profile.timeout), ready)

    @property
    def wanted(self) -> Pairs:
        """What a person is asked to agree to: the scope, and for whom."""
        return [*self._scope(), *self._asked()]

    def forget(self) -> bool:
        """The client's proof was refused: read it again. False where that cannot change it."""
        return self.proof.forget()

    async def close(self) -> None:
        for reader in self.readers:
            await reader.close()

    def _scope(self) -> Pairs:
        profile = self._profile
        return [("scope", profile.scope_separator.join(profile.scopes))] if profile.scopes else []

    def _asked(self) -> Pairs:
        profile = self._profile
        pairs = [("audience", profile.audience)] if profile.audience else []
        pairs += [("resource", resource) for resource in profile.resources]
        return pairs + list(profile.parameters.items())
