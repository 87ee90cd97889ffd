"""Grant `client_credentials` (RFC 6749 §4.4): a token for the client itself.

Nothing is lost with a token of this grant, so the store only spares calls: without it, it goes on without. What must
not live here: the endpoint, the store.
"""

from proxy.auth.kept import ANY, Watch, granted_record, kept_token
from proxy.auth.outside import Outside
from proxy.auth.record import Record, fingerprint
from proxy.auth.secret_rules import SecretReader, SecretUnavailable
from proxy.auth.source import SessionFault, Tokens
from proxy.auth.store import SessionStore, StoreFailed
from proxy.auth.supply import ENDED, Failed, Fresh
from proxy.auth.token_answer import Granted, Refused
from proxy.auth.token_endpoint import Lost, TokenEndpoint
from proxy.clock import Clock
from proxy.secret import Secret

__all__ = ["ClientCredentials"]


class ClientCredentials:
    """Tokens of one client, kept under `profile`. `wall` is wall time."""

    __slots__ = ("_client", "_endpoint", "_outside", "_profile", "_store", "_wall", "_watch")

    def __init__(
        self,
        profile: str,
        client: str,
        endpoint: TokenEndpoint,
        readers: list[SecretReader],
        store: SessionStore,
        wall: Clock,
    ) -> None:
        self._profile = profile
        self._client = client
        self._endpoint = endpoint
        self._store = store
        self._wall = wall
        self._watch = Watch(profile, readers, store)
        self._outside = Outside(profile, store, wall, readers)

    async def supply(self, held: Secret | None) -> Fresh | Failed:
        """One process at a time asks, and the others find its token."""
        try:
            async with self._store.exclusive(self._profile):
                await self._outside.settle()
                record = await self._store.load(self._profile)
                if await self._outside.is_over(record if record and record.seed in (self._seed, ANY) else None):
                    return self._ended()
                kept = kept_token(record, self._seed, self._endpoint.form, held, self._wall())
                return kept or await self._obtain(keep=True)
        except StoreFailed:
            if await self._outside.was_over():
                return self._ended()
            return await self._obtain(keep=False)

    async def install(self, tokens: Tokens) -> Fresh | None:
        if tokens.access is None or tokens.refresh is not None:
            raise SessionFault("the grant client_credentials has no refresh token; give an access token alone")
        return await self._outside.begin(Record(self._seed, self._endpoint.form), tokens)

    async def terminate(self) -> str:
        try:
            await self._outside.end(self._seed)
        finally:
            self._watch.failed()
        return ""

    def version(self) -> object:
        return self._store.version(self._profile)

    async def look(self, held: Secret | None) -> Fresh | Failed | None:
        return await self._outside.look(self._seed, self._endpoint.form, held)

    def changed(self, now: float) -> bool:
        return self._watch.changed(now)

    async def close(self) -> None:
        await self._endpoint.close()

    @property
    def _seed(self) -> str:
        return fingerprint("client_credentials", self._client)

    def _ended(self) -> Failed:
        self._watch.failed()
        return ENDED

    async def _obtain(self, *, keep: bool) -> Fresh | Failed:
        try:
            outcome = await self._ask()
        except SecretUnavailable as unavailable:
            return Failed(unavailable.detail, unavailable.said, unavailable.retry_after)
        match outcome:
            case Granted():
                if keep:
                    await self._keep(outcome)
                return Fresh(outcome.access, outcome.lifetime)
            case Refused():
                self._watch.failed()
                return Failed(outcome.detail, retry_after=outcome.retry_after, terminal=outcome.terminal)
            case Lost():
                return Failed(outcome.detail)

    async def _ask(self) -> Granted | Refused | Lost:
        outcome = await self._endpoint.ask([("grant_type", "client_credentials")])
        if isinstance(outcome, Refused) and outcome.code == "invalid_client" and self._endpoint.forget():
            # The secret may have been replaced since it was read.
            outcome = await self._endpoint.ask([("grant_type", "client_credentials")])
        return outcome

    async def _keep(self, granted: Granted) -> None:
        record = granted_record(Record(self._seed), granted, self._endpoint.form, self._wall())
        try:
            await self._store.save(self._profile, record)
        except StoreFailed:
            # The token is as good without; it is asked for anew after a restart.
            return
