"""A kept session that somebody else begins, replaces or ends: an administrator, `outrider login`, another process.

A session that was ended leaves a mark in the store, so that nobody begins it again from the configured credential. What
must not live here: any grant, and what is in use (`proxy.auth.session`).
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace

from proxy.auth.kept import ANY, kept_token, spent_seeds
from proxy.auth.record import Record
from proxy.auth.secret_rules import SecretReader, SecretUnavailable
from proxy.auth.source import SessionFault, Tokens
from proxy.auth.store import SessionStore, StoreFailed
from proxy.auth.supply import ENDED, REPLACED, Failed, Fresh
from proxy.clock import Clock
from proxy.secret import Secret

__all__ = ["Outside"]


class Outside:
    """The session that is kept under `profile`. `wall` is wall time.

    An end holds for as long as `sealed` hand out the same secrets; without any, for as long as the seed is the same.
    """

    __slots__ = ("_ended", "_owed", "_profile", "_sealed", "_store", "_wall")

    def __init__(self, profile: str, store: SessionStore, wall: Clock, sealed: Sequence[SecretReader] = ()) -> None:
        self._profile = profile
        self._sealed = sealed
        self._store = store
        self._wall = wall
        self._ended: str | None = None
        self._owed: Record | None = None

    async def begin(self, record: Record, tokens: Tokens) -> Fresh | None:
        """Keep `record` with these tokens in it. Raises SessionFault, and then nothing has changed."""
        now = self._wall()
        kept = replace(
            record,
            access=tokens.access,
            refresh=tokens.refresh,
            scope=tokens.scope,
            obtained_at=now if tokens.access is not None else 0.0,
            expires_at=now + tokens.lifetime if tokens.access is not None else 0.0,
        )
        try:
            async with self._store.exclusive(self._profile):
                spent = spent_seeds(await self._before(), kept.seed)
                await self._store.save(self._profile, replace(kept, spent=spent))
        except StoreFailed as failed:
            raise SessionFault(failed.detail) from None
        self._ended, self._owed = kept.ended, None
        return None if tokens.access is None else Fresh(tokens.access, tokens.lifetime)

    async def end(self, seed: str) -> Record | None:
        """Leave the mark in the place of the record, and give what it was. Raises SessionFault."""
        self._ended = await self._seal()
        self._owed = Record(seed, ended=self._ended)
        try:
            async with self._store.exclusive(self._profile):
                before = await self._before()
                self._owed = replace(self._owed, spent=spent_seeds(before, seed))
                await self.settle()
        except StoreFailed as failed:
            detail = f"the session is ended in this process alone, and may come back with a restart: {failed.detail}"
            raise SessionFault(detail) from None
        return before

    async def _before(self) -> Record | None:
        try:
            return await self._store.load(self._profile)
        except StoreFailed:
            # What cannot be read is replaced all the same.
            return None

    async def settle(self) -> None:
        """Keep the mark that is still to be kept, before anything else; within `exclusive`. Raises StoreFailed."""
        if self._owed is not None:
            await self._store.save(self._profile, self._owed)
            self._owed = None

    async def is_over(self, record: Record | None) -> bool:
        """Whether the configured credential must not begin a session, by this record of its seed, or none."""
        self._ended = None if record is None else record.ended
        return await self.was_over()

    async def was_over(self) -> bool:
        """By what was seen last: that counts while the store cannot be read."""
        return self._ended is not None and self._ended in (ANY, await self._seal())

    async def look(self, seed: str, form: str, held: Secret | None) -> Fresh | Failed | None:
        """`Supplier.look`, for the configured credential of this seed."""
        try:
            record = await self._store.load(self._profile)
        except StoreFailed:
            return None
        if record is None or record.seed not in (seed, ANY):
            return None
        if record.access is None and record.refresh is None and await self.is_over(record):
            return ENDED
        if held is not None and record.access is None and record.ended is not None and record.pending is None:
            return REPLACED
        return kept_token(record, seed, form, held, self._wall())

    async def _seal(self) -> str:
        """Tells whether the secrets are the same as before; ANY where they cannot be read.

        Some are short enough to be guessed, so this costs a guesser as much as a password's hash does.
        """
        if not self._sealed:
            return ANY
        try:
            values = [(await reader.read()).reveal() for reader in self._sealed]
        except SecretUnavailable:
            return ANY
        text, salt = "\0".join(values).encode(), self._profile.encode()
        return (await asyncio.to_thread(hashlib.scrypt, text, salt=salt, n=2**14, r=8, p=1, dklen=32)).hex()
