"""A token endpoint: what it is sent.

What must not live here: what the answer means (`token_answer`), which grant is asked for, how the client proves who it
is (`client_proof`), connections.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from proxy.auth.client_proof import ClientProof, client_proof
from proxy.auth.discovery import Discovery, NotDiscovered
from proxy.auth.grant import Pairs
from proxy.auth.means import Means
from proxy.auth.record import fingerprint
from proxy.auth.secret_rules import SecretReader
from proxy.auth.token_answer import AnswerReader, Granted, Refused
from proxy.config.oauth2_model import OAuth2Profile
from proxy.config.oauth2_parts import DpopOptions
from proxy.errors import OutriderError
from proxy.message.call import Call, Reply

if TYPE_CHECKING:
    from proxy.auth.dpop import TokenProofs
    from proxy.auth.proof_key import ProofKeys

__all__ = ["Lost", "TokenEndpoint"]


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no answer. `sent`: the endpoint may have acted on the call all the same."""

    detail: str
    sent: bool


class TokenEndpoint:
    """The token endpoint of `profile`, and the server's others by `discovery`; `proof` is how the client signs in.

    `keys` are what its tokens are bound to, None where they are not. `name` is the profile's.
    """

    __slots__ = ("_fetch", "_profile", "_proofs", "_read", "_wall", "discovery", "keys", "proof")

    def __init__(self, name: str, profile: OAuth2Profile, means: Means) -> None:
        self._profile = profile
        self._fetch = means.fetch_over(profile.tls)
        self._wall = means.wall
        self._read = AnswerReader(profile.response, bound=profile.dpop is not None)
        self.discovery = Discovery(profile, self._fetch)
        self.proof: ClientProof = client_proof(profile, means)
        self._proofs = None if profile.dpop is None else _proofs(name, profile.dpop, means)
        self.keys: ProofKeys | None = None if self._proofs is None else self._proofs.keys

    @property
    def form(self) -> str:
        """The fingerprint of everything that decides what a token is good for."""
        profile = self._profile
        asked = urlencode([*self._scope(), *self._asked()])
        return fingerprint(profile.server, profile.client_id or "", asked, *self._bound_to())

    @property
    def readers(self) -> Sequence[SecretReader]:
        """The secrets that prove the client, and that tokens are bound to."""
        return self.proof.readers if self.keys is None else [*self.proof.readers, *self.keys.readers]

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
            reply = await self._exchange(url, pairs, ready)
        except OutriderError as error:
            self.discovery.forget()
            # Its host alone: all else may hold a key.
            at = urlsplit(url).netloc.rpartition("@")[2]
            return Lost(f"no answer from the token endpoint at {at}: {error.detail}", error.processed)
        outcome = self._read(reply, self._wall())
        if isinstance(outcome, Refused) and not outcome.code:
            # No word of OAuth's: it may have moved.
            self.discovery.forget()
        if isinstance(outcome, Refused) and outcome.code == "invalid_client" and self.proof.dated:
            return outcome.of_its_time()
        return outcome

    async def _exchange(self, url: str, pairs: Pairs, ready: Callable[[], Awaitable[None]] | None) -> Reply:
        """A call of the token endpoint, with the proof of the key where there is one."""
        if self._proofs is None:
            return await self.post(url, pairs, ready)

        async def post(proof: str, again: bool) -> Reply:
            # What was to be done first has been done: the first call was only refused.
            return await self.post(url, pairs, None if again else ready, [("DPoP", proof)])

        return await self._proofs.send(url, post)

    async def post(
        self,
        url: str,
        pairs: Pairs,
        ready: Callable[[], Awaitable[None]] | None = None,
        more: Sequence[tuple[str, str]] = (),
    ) -> Reply:
        """A call of any of the server's endpoints, with the client's proof. Raises OutriderError, and as `ask` does."""
        pairs = list(pairs)
        fields = [("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded")]
        await self.proof.add(pairs, fields, url)
        fields += [*self._profile.headers.items(), *more]
        return await self._fetch(Call("POST", url, fields, urlencode(pairs).encode(), self._profile.timeout), ready)

    @property
    def wanted(self) -> Pairs:
        """What a person is asked to agree to: the scope, and for whom. Without `parameters`, which are the token
        endpoint's and may be secret: this stands in the browser's address."""
        return [*self._scope(), *self._whom()]

    def forget(self) -> bool:
        """The client's proof was refused: read it again. False where that cannot change it."""
        return self.proof.forget()

    async def close(self) -> None:
        for reader in self.readers:
            await reader.close()

    def _bound_to(self) -> Sequence[str]:
        return () if self.keys is None or self.keys.last is None else (self.keys.last.thumbprint,)

    def _scope(self) -> Pairs:
        profile = self._profile
        return [("scope", profile.scope_separator.join(profile.scopes))] if profile.scopes else []

    def _whom(self) -> Pairs:
        profile = self._profile
        pairs = [("audience", profile.audience)] if profile.audience else []
        return pairs + [("resource", resource) for resource in profile.resources]

    def _asked(self) -> Pairs:
        return [*self._whom(), *self._profile.parameters.items()]


def _proofs(name: str, options: DpopOptions, means: Means) -> "TokenProofs":
    # Imported here: only profiles with such tokens load what it takes to prove a key.
    from proxy.auth.dpop import TokenProofs
    from proxy.auth.proof_key import proof_keys

    return TokenProofs(proof_keys(name, options, means), means.wall)
