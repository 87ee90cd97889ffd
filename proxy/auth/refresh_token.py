"""Grant `refresh_token` (RFC 6749 §6), with servers that give a new refresh token with each exchange in mind.

Such a server takes a second use of a refresh token for theft and ends the whole session (RFC 9700 §4.14.2). So one
process at a time exchanges, it reads what is kept first, it notes that it begins before a byte is sent, and a new
refresh token is on disk before its access token is used. Where an answer was lost, nobody can know which token is the
current one, and the old one is not presented again. What must not live here: the endpoint, the store.
"""

from dataclasses import dataclass, replace

from proxy.auth.kept import ANY, Watch, granted_record, kept_token, spent_seeds
from proxy.auth.outside import Outside
from proxy.auth.record import Record, fingerprint
from proxy.auth.revocation import revoke
from proxy.auth.secret_rules import SecretReader, SecretUnavailable
from proxy.auth.source import SessionFault, Tokens
from proxy.auth.store import SessionStore, StoreFailed
from proxy.auth.supply import ENDED, Failed, Fresh
from proxy.auth.token_answer import Granted, Refused
from proxy.auth.token_endpoint import Lost, TokenEndpoint
from proxy.clock import Clock
from proxy.secret import Secret

__all__ = ["RefreshToken"]

_IN_DOUBT = Failed(
    "the answer to an exchange of the refresh token was lost, so the token may be used up and is not presented again; "
    "give the profile a new refresh token",
    terminal=True,
)


class RefreshToken:
    """The session that grew from the refresh token of `first`, kept under `profile`; None where a login begins it.

    `grace` is how many seconds after a lost answer the server takes the same refresh token again.
    """

    __slots__ = ("_client", "_endpoint", "_first", "_grace", "_outside", "_profile", "_readers", "_refused", "_store",
                 "_unsaved", "_wall", "_watch")  # fmt: skip

    def __init__(
        self,
        profile: str,
        client: str,
        endpoint: TokenEndpoint,
        first: SecretReader | None,
        store: SessionStore,
        wall: Clock,
        grace: float,
    ) -> None:
        self._profile = profile
        self._client = client
        self._endpoint = endpoint
        self._first = first
        self._store = store
        self._wall = wall
        self._grace = grace
        self._readers = [*endpoint.readers, *([] if first is None else [first])]
        self._refused: _Refusal | None = None
        self._unsaved: Record | None = None
        self._watch = Watch(profile, self._readers, store)
        self._outside = Outside(profile, store, wall)

    async def supply(self, held: Secret | None) -> Fresh | Failed:
        try:
            async with self._store.exclusive(self._profile):
                outcome = await self._supply(held)
        except StoreFailed as failed:
            return Failed(failed.detail)
        except SecretUnavailable as unavailable:
            return Failed(unavailable.detail, unavailable.said, unavailable.retry_after)
        if isinstance(outcome, Failed):
            self._watch.failed()
        return outcome

    def changed(self, now: float) -> bool:
        return self._watch.changed(now)

    async def install(self, tokens: Tokens) -> Fresh | None:
        """What is configured does not come back when these end: that would be another person's session."""
        try:
            seed = (await self._grown())[0]
        except SecretUnavailable as unavailable:
            raise SessionFault(unavailable.detail) from None
        fresh = await self._outside.begin(Record(seed, self._endpoint.form, ended=ANY), tokens)
        self._unsaved = self._refused = None
        return fresh

    async def terminate(self) -> str:
        self._unsaved = None
        try:
            seed = (await self._grown())[0]
        except SecretUnavailable:
            seed = ANY
        try:
            ended = await self._outside.end(seed)
        finally:
            self._watch.failed()
        return await revoke(self._endpoint, ended)

    def version(self) -> object:
        return self._store.version(self._profile)

    async def look(self, held: Secret | None) -> Fresh | Failed | None:
        try:
            seed = (await self._grown())[0]
        except SecretUnavailable:
            return None
        return await self._outside.look(seed, self._endpoint.form, held)

    async def close(self) -> None:
        await self._endpoint.close()
        if self._first is not None:
            await self._first.close()

    async def _supply(self, held: Secret | None) -> Fresh | Failed:
        await self._outside.settle()
        if self._unsaved is not None:
            # What could not be kept is not forgotten: it is kept before anything else is done.
            await self._save(self._unsaved)
        record = await self._current()
        kept = kept_token(record, record.seed, self._endpoint.form, held, self._wall())
        if kept is not None:
            return kept
        outcome = await self._exchange(record)
        if isinstance(outcome, Failed) and outcome.terminal:
            # Before it is declared over: what is configured or kept may be another token by now.
            if self._first is not None:
                self._first.forget()
            other = await self._current()
            if other.refresh != record.refresh:
                return await self._exchange(other)
        return outcome

    async def _current(self) -> Record:
        """What is kept, unless the configured token is another one than it grew from."""
        seed, first = await self._grown()
        record = await self._store.load(self._profile)
        if record is not None and record.seed in (seed, ANY) and (record.refresh or record.ended is not None):
            return record
        spent = spent_seeds(record, seed)
        return Record(seed, spent=spent) if seed in spent else Record(seed, refresh=first, spent=spent)

    async def _grown(self) -> tuple[str, Secret | None]:
        """The seed of the configured credential, and the refresh token where that is one. Raises SecretUnavailable."""
        if self._first is None:
            return fingerprint("login", self._client), None
        first = await self._first.read()
        return fingerprint("refresh_token", self._client, first.reveal()), first

    async def _exchange(self, record: Record) -> Fresh | Failed:
        """Where these very credentials were refused for good, that is the answer: processes that share a store would
        else set each other to try again for ever."""
        if record.refresh is None:
            return ENDED if self._first is not None else self._nobody(record)
        with_ = self._credentials(record)
        if self._refused is not None and self._refused.credentials == with_:
            return self._refused.failed
        outcome = await self._present(record)
        if isinstance(outcome, Failed) and outcome.terminal:
            self._refused = _Refusal(self._credentials(record), outcome)
        return outcome

    def _nobody(self, record: Record) -> Failed:
        was = "the session is over" if record.ended is not None else "nobody has logged in yet"
        return Failed(f"{was}: run `outrider login {self._profile}`", terminal=True)

    def _credentials(self, record: Record) -> tuple[object, ...]:
        return record.refresh, *(reader.version for reader in self._readers)

    async def _present(self, record: Record) -> Fresh | Failed:
        if self._is_in_doubt(record):
            return _IN_DOUBT
        assert record.refresh is not None
        begun = replace(record, pending=record.pending or self._wall())

        async def note_begin() -> None:
            await self._store.save(self._profile, begun)

        grant = [("grant_type", "refresh_token"), ("refresh_token", record.refresh.reveal())]
        outcome = await self._endpoint.ask(grant, note_begin if record.rotates is not False else None)
        if isinstance(outcome, Refused) and outcome.code == "invalid_client" and self._endpoint.forget():
            # The client's secret may have been replaced since it was read; the refresh token was not even looked at.
            outcome = await self._endpoint.ask(grant)
        match outcome:
            case Granted():
                await self._save(granted_record(record, outcome, self._endpoint.form, self._wall()))
                return Fresh(outcome.access, outcome.lifetime)
            case Refused():
                await self._save(replace(record, pending=None))
                return Failed(outcome.detail, retry_after=outcome.retry_after, terminal=outcome.terminal)
            case Lost(sent=True):
                return _IN_DOUBT if self._is_in_doubt(begun) else Failed(outcome.detail)
            case Lost():
                await self._save(record)
                return Failed(outcome.detail)

    def _is_in_doubt(self, record: Record) -> bool:
        """Whether its refresh token may have been used up by an exchange whose answer nobody has."""
        if record.pending is None or record.rotates is False:
            return False
        return not 0 <= self._wall() - record.pending < self._grace

    async def _save(self, record: Record) -> None:
        self._unsaved = record
        await self._store.save(self._profile, record)
        self._unsaved = None


@dataclass(frozen=True, slots=True)
class _Refusal:
    credentials: tuple[object, ...]
    failed: Failed
