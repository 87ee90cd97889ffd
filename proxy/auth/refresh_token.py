"""Grant `refresh_token` (RFC 6749 §6), with servers that give a new refresh token with each exchange in mind.

Such a server takes a second use of a refresh token for theft and ends the whole session (RFC 9700 §4.14.2). So one
process at a time exchanges, it reads what is kept first, it notes that it begins before a byte is sent, and a new
refresh token is on disk before its access token is used. Where an answer was lost, nobody can know which token is the
current one, and the old one is not presented again. What must not live here: the endpoint, the store.
"""

from dataclasses import replace

from proxy.auth.kept import ANY, granted_record, kept_token, spent_seeds
from proxy.auth.kept_session import RotatingSession
from proxy.auth.record import Record, fingerprint
from proxy.auth.revocation import revoke
from proxy.auth.secret_rules import SecretReader
from proxy.auth.store import SessionStore
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


class RefreshToken(RotatingSession):
    """The session that grew from the refresh token of `first`, kept under `profile`; None where a login begins it.

    `grace` is how many seconds after a lost answer the server takes the same refresh token again.
    """

    __slots__ = ("_client", "_endpoint", "_first", "_grace")

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
        super().__init__(profile, store, wall, [*endpoint.readers, *([] if first is None else [first])])
        self._client = client
        self._endpoint = endpoint
        self._first = first
        self._grace = grace

    @property
    def _form(self) -> str:
        return self._endpoint.form

    async def _seed(self) -> str:
        return (await self._grown())[0]

    async def _tell_end(self, ended: Record | None) -> str:
        return await revoke(self._endpoint, ended)

    async def close(self) -> None:
        await self._endpoint.close()
        if self._first is not None:
            await self._first.close()

    async def _supply(self, held: Secret | None) -> Fresh | Failed:
        record = await self._current()
        kept = kept_token(record, record.seed, self._form, held, self._wall())
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
        if record.refresh is None:
            return ENDED if self._first is not None else self._nobody(record)
        return await self._unless_refused(record, self._present)

    def _nobody(self, record: Record) -> Failed:
        was = "the session is over" if record.ended is not None else "nobody has logged in yet"
        return Failed(f"{was}: run `outrider login {self._profile}`", terminal=True)

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
                await self._save(granted_record(record, outcome, self._form, self._wall()))
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
