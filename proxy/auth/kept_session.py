"""What sessions that are kept in a store have in common: how they are begun, replaced, ended and noticed from outside.

Beyond that there are two kinds. Where what is configured is good for any number of sessions, keeping one only spares
calls; where a credential is used up by its use, nothing may be done twice.

What must not live here: any grant or call, the marks that an end leaves (`proxy.auth.outside`), the store.
"""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence

from proxy.auth.kept import ANY, Watch, granted_record, kept_token
from proxy.auth.outside import Outside
from proxy.auth.record import Record
from proxy.auth.secret_rules import SecretReader, SecretUnavailable
from proxy.auth.source import SessionFault, Tokens
from proxy.auth.store import SessionStore, StoreFailed
from proxy.auth.supply import ENDED, Failed, Fresh
from proxy.auth.token_answer import Granted, Refused
from proxy.clock import Clock
from proxy.secret import Secret

__all__ = ["RenewableSession", "RotatingSession"]

Credentials = tuple[object, ...]


class KeptSession(ABC):
    """The session of `profile`; `readers` are of everything that it is obtained with, `sealed` as in `Outside`.

    A `Supplier` of `proxy.auth.supply`, but for `supply` and `close`. `wall` is wall time.
    """

    __slots__ = ("_outside", "_profile", "_store", "_wall", "_watch")

    def __init__(
        self,
        profile: str,
        store: SessionStore,
        wall: Clock,
        readers: Sequence[SecretReader],
        sealed: Sequence[SecretReader] = (),
    ) -> None:
        self._profile = profile
        self._store = store
        self._wall = wall
        self._watch = Watch(profile, readers, store)
        self._outside = Outside(profile, store, wall, sealed)

    @property
    @abstractmethod
    def _form(self) -> str:
        """The fingerprint of what is asked for."""

    @abstractmethod
    async def _seed(self) -> str:
        """The fingerprint of what is configured to begin with. Raises SecretUnavailable."""

    async def _seed_or_any(self) -> str:
        try:
            return await self._seed()
        except SecretUnavailable:
            return ANY

    @abstractmethod
    def _check(self, tokens: Tokens) -> None:
        """Raises SessionFault for tokens that the session could not go on with."""

    def _begun(self, seed: str) -> Record:
        """What tokens from outside are put into."""
        return Record(seed, self._form)

    async def _tell_end(self, ended: Record | None) -> str:
        """The session is cleared here; tell whoever else should know, and say what came of it."""
        return ""

    def changed(self, now: float) -> bool:
        return self._watch.changed(now)

    async def install(self, tokens: Tokens) -> Fresh | None:
        self._check(tokens)
        try:
            seed = await self._seed()
        except SecretUnavailable as unavailable:
            raise SessionFault(unavailable.detail) from None
        return await self._outside.begin(self._begun(seed), tokens)

    async def terminate(self) -> str:
        try:
            ended = await self._outside.end(await self._seed_or_any())
        finally:
            self._watch.failed()
        return await self._tell_end(ended)

    def version(self) -> object:
        return self._store.version(self._profile)

    async def look(self, held: Secret | None) -> Fresh | Failed | None:
        return await self._outside.look(await self._seed_or_any(), self._form, held)


class RenewableSession(KeptSession):
    """One that what is configured begins again and again: nothing is lost with what is kept, so that without the store
    it goes on without. One process at a time asks, and the others find its token."""

    __slots__ = ()

    @abstractmethod
    async def _begin(self, record: Record, *, keep: bool = True) -> Fresh | Failed:
        """A new session in the place of `record`, kept where that is possible. Raises SecretUnavailable."""

    async def _go_on(self, seed: str, record: Record | None) -> Fresh | Failed:
        """From what is kept of a session of `seed`, within `exclusive`. Raises StoreFailed, SecretUnavailable."""
        return await self._begin(Record(seed))

    async def supply(self, held: Secret | None) -> Fresh | Failed:
        try:
            seed = await self._seed()
            try:
                async with self._store.exclusive(self._profile):
                    return await self._supply(seed, held)
            except StoreFailed:
                return self._ended() if await self._outside.was_over() else await self._begin(Record(seed), keep=False)
        except SecretUnavailable as unavailable:
            return Failed(unavailable.detail, unavailable.said, unavailable.retry_after)

    async def _supply(self, seed: str, held: Secret | None) -> Fresh | Failed:
        await self._outside.settle()
        record = await self._store.load(self._profile)
        if record is None or record.seed not in (seed, ANY):
            record = None
        if await self._outside.is_over(record):
            return self._ended()
        return kept_token(record, seed, self._form, held, self._wall()) or await self._go_on(seed, record)

    def _ended(self) -> Failed:
        self._watch.failed()
        return ENDED

    def _failed(self, refused: Refused) -> Failed:
        self._watch.failed()
        return Failed(refused.detail, retry_after=refused.retry_after, terminal=refused.terminal)

    async def _take(self, record: Record, granted: Granted) -> Fresh:
        kept = granted_record(record, granted, self._form, self._wall())
        # The token is as good without; it is asked for anew after a restart.
        with contextlib.suppress(StoreFailed):
            await self._store.save(self._profile, kept)
        return Fresh(granted.access, granted.lifetime)


class RotatingSession(KeptSession):
    """One whose credential may be used up by an exchange: one process at a time exchanges, what came of it is kept
    before anything else is done, and without the store nothing goes on."""

    __slots__ = ("_readers", "_refused", "_unsaved")

    def __init__(self, profile: str, store: SessionStore, wall: Clock, readers: Sequence[SecretReader]) -> None:
        super().__init__(profile, store, wall, readers)
        self._readers = readers
        self._refused: tuple[Credentials, Failed] | None = None
        self._unsaved: Record | None = None

    @abstractmethod
    async def _supply(self, held: Secret | None) -> Fresh | Failed:
        """As `supply`, within `exclusive`. Raises StoreFailed, SecretUnavailable."""

    def _check(self, tokens: Tokens) -> None:
        """It can go on with any."""

    def _begun(self, seed: str) -> Record:
        """What is configured does not come back when these end: that would be another session."""
        return Record(seed, self._form, ended=ANY)

    async def supply(self, held: Secret | None) -> Fresh | Failed:
        try:
            async with self._store.exclusive(self._profile):
                await self._outside.settle()
                if self._unsaved is not None:
                    # What could not be kept is not forgotten.
                    await self._save(self._unsaved)
                outcome = await self._supply(held)
        except StoreFailed as failed:
            return Failed(failed.detail)
        except SecretUnavailable as unavailable:
            return Failed(unavailable.detail, unavailable.said, unavailable.retry_after)
        if isinstance(outcome, Failed):
            self._watch.failed()
        return outcome

    async def install(self, tokens: Tokens) -> Fresh | None:
        fresh = await super().install(tokens)
        self._unsaved = self._refused = None
        return fresh

    async def terminate(self) -> str:
        self._unsaved = None
        return await super().terminate()

    async def _unless_refused(
        self, record: Record, present: Callable[[Record], Awaitable[Fresh | Failed]]
    ) -> Fresh | Failed:
        """Where these very credentials were refused for good, that is the answer: processes that share a store would
        else set each other to try again for ever."""
        if self._refused is not None and self._refused[0] == self._credentials(record):
            return self._refused[1]
        outcome = await present(record)
        if isinstance(outcome, Failed) and outcome.terminal:
            # As they are now: some may have been read only for this.
            self._refused = self._credentials(record), outcome
        return outcome

    def _credentials(self, record: Record) -> Credentials:
        return record.access, record.refresh, *(reader.version for reader in self._readers)

    async def _save(self, record: Record) -> None:
        self._unsaved = record
        await self._store.save(self._profile, record)
        self._unsaved = None
