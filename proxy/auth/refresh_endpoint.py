"""Scheme `refresh_endpoint`: a token that an API's own call exchanges for the next one.

One process at a time calls, it reads what is kept first, and the next token is on disk before it is used. Where the
call presents a refresh token, and the API may take a second use of one for theft, the call is noted before a byte of it
is sent: when its answer is lost, it is not repeated. A call that presents the access token alone is: there is no other
way on, and nothing more to lose. What must not live here: filling in the call, reading the answer, the store.
"""

from dataclasses import dataclass, replace

from proxy.auth.call_values import CallValues, sendable
from proxy.auth.kept import ANY, granted_record, kept_token, spent_seeds
from proxy.auth.kept_session import RotatingSession
from proxy.auth.mapped_answer import AnswerMap
from proxy.auth.record import Record, fingerprint
from proxy.auth.secret_rules import SecretReader
from proxy.auth.source import Tokens
from proxy.auth.store import SessionStore
from proxy.auth.supply import ENDED, Failed, Fresh
from proxy.auth.token_answer import DEFAULT_LIFETIME, Granted, Refused
from proxy.auth.token_values import jwt_lifetime
from proxy.clock import NEVER, Clock
from proxy.errors import OutriderError
from proxy.message.call import Fetch
from proxy.policy.call_template import CallTemplate
from proxy.secret import Secret

__all__ = ["First", "RefreshEndpoint"]

_IN_DOUBT = Failed(
    "the answer to a refresh was lost, so the refresh token may be used up and is not presented again; give the "
    "profile a new one",
    terminal=True,
)


@dataclass(frozen=True, slots=True)
class First:
    """What the session begins with."""

    access: SecretReader | None
    refresh: SecretReader | None

    @property
    def readers(self) -> list[SecretReader]:
        return [reader for reader in (self.access, self.refresh) if reader is not None]


class RefreshEndpoint(RotatingSession):
    """Tokens of `call`, kept under `profile`. Without `renews` a token counts as good until it is replaced."""

    __slots__ = ("_answers", "_asked", "_call", "_fetch", "_first", "_renews", "_values")

    def __init__(
        self,
        profile: str,
        call: CallTemplate,
        form: str,
        values: CallValues,
        answers: AnswerMap,
        first: First,
        fetch: Fetch,
        store: SessionStore,
        wall: Clock,
        *,
        renews: bool = True,
    ) -> None:
        """`form` is the fingerprint of what the call asks for."""
        super().__init__(profile, store, wall, [*values.readers, *first.readers])
        self._call = call
        self._asked = form
        self._values = values
        self._answers = answers
        self._first = first
        self._fetch = fetch
        self._renews = renews

    @property
    def _form(self) -> str:
        return self._asked

    async def install(self, tokens: Tokens) -> Fresh | None:
        fresh = await super().install(tokens)
        return fresh if fresh is None or self._renews else Fresh(fresh.token, NEVER)

    async def look(self, held: Secret | None) -> Fresh | Failed | None:
        news = await super().look(held)
        return Fresh(news.token, NEVER, news.shared) if isinstance(news, Fresh) and not self._renews else news

    async def close(self) -> None:
        await self._values.close()
        for reader in self._first.readers:
            await reader.close()

    async def _supply(self, held: Secret | None) -> Fresh | Failed:
        record = await self._current()
        kept = self._kept(record, held)
        if kept is not None:
            return kept
        outcome = await self._exchange(record)
        if isinstance(outcome, Failed) and outcome.terminal:
            # Before it is declared over: what is configured or kept may be another token by now.
            again = [reader.forget() for reader in self._first.readers]
            if self._values.forget() or any(again):
                other = await self._current()
                return self._kept(other, held) or await self._exchange(other)
        return outcome

    def _kept(self, record: Record, held: Secret | None) -> Fresh | None:
        if self._renews or record.access is None:
            return kept_token(record, record.seed, self._form, held, self._wall())
        return None if record.access == held else Fresh(record.access, NEVER)

    async def _begin(self) -> tuple[Secret | None, Secret | None]:
        access, refresh = self._first.access, self._first.refresh
        return None if access is None else await access.read(), None if refresh is None else await refresh.read()

    async def _seed(self) -> str:
        return fingerprint("refresh_endpoint", *("" if one is None else one.reveal() for one in await self._begin()))

    async def _current(self) -> Record:
        """What is kept, unless the configured tokens are others than it grew from."""
        seed = await self._seed()
        record = await self._store.load(self._profile)
        if record is not None and record.seed in (seed, ANY):
            return record
        spent = spent_seeds(record, seed)
        if seed in spent:
            return Record(seed, self._form, spent=spent)
        access, refresh = await self._begin()
        now = self._wall()
        told = None if access is None else jwt_lifetime(access.reveal(), now)
        lifetime = DEFAULT_LIFETIME if told is None else told
        return Record(seed, self._form, access, refresh, now, now + lifetime, spent=spent)

    async def _exchange(self, record: Record) -> Fresh | Failed:
        if record.access is None and record.refresh is None:
            return ENDED
        return await self._unless_refused(record, self._present)

    async def _present(self, record: Record) -> Fresh | Failed:
        if not self._call.is_complete:
            return Failed("the refresh call is on the upstream that uses the profile, and no upstream uses it")
        rotates = "refresh_token" in self._call.names and record.rotates is not False
        if rotates and record.pending is not None:
            return _IN_DOUBT
        values = await self._values.read()
        for name, token in (("access_token", record.access), ("refresh_token", record.refresh)):
            if name in self._call.names:
                if token is None:
                    return Failed(f"the refresh call names {{{{ {name} }}}}, and there is none yet", terminal=True)
                values[name] = token.reveal()
        begun = replace(record, pending=self._wall())

        async def note_begin() -> None:
            await self._store.save(self._profile, begun)

        try:
            reply = await self._fetch(sendable(self._call.call(values)), note_begin if rotates else None)
        except OutriderError as error:
            if rotates and error.processed:
                return _IN_DOUBT
            if rotates:
                await self._save(record)
            return Failed(f"no answer from the refresh endpoint: {error.detail}")
        outcome = self._answers.read(reply, self._wall())
        match outcome:
            case Granted():
                await self._save(granted_record(record, outcome, self._form, self._wall()))
                return Fresh(outcome.access, outcome.lifetime if self._renews else NEVER)
            case Refused():
                if rotates:
                    await self._save(replace(record, pending=None))
                return Failed(outcome.detail, retry_after=outcome.retry_after, terminal=outcome.terminal)
