"""Tokens that are given for a statement which a private key signs: what GitHub's and Google's have in common.

Nothing of them is kept, because the key is at hand to ask again. No refusal is final: a clock that is set, an account
that is enabled again or a corrected permission help without a change here, so asking goes on, once a minute at most.
What must not live here: what is signed and asked, a file each.
"""

from typing import Protocol

from proxy.auth.means import Means
from proxy.auth.secret_rules import SecretReader, SecretUnavailable
from proxy.auth.session import SessionSource
from proxy.auth.supply import Failed, Fresh, Unkept
from proxy.auth.token_answer import Granted, Refused
from proxy.clock import Clock
from proxy.errors import OutriderError
from proxy.message.call import Call, Fetch, Reply
from proxy.policy.signing_key import KeyUnfit
from proxy.secret import Secret

__all__ = ["Desk", "desk_source"]


class Desk(Protocol):
    """Who gives tokens."""

    name: str

    def call(self, key: str, now: float) -> Call:
        """What asks for a token at the wall time `now`. Raises KeyUnfit."""

    def read(self, reply: Reply, now: float) -> Granted | Refused:
        """What was answered."""


def desk_source(
    profile: str, desk: Desk, reader: SecretReader, means: Means, *, prewarm: bool, patience: float
) -> SessionSource:
    supplier = _Given(desk, reader, means.fetch, means.wall)
    report = means.report(profile)
    return SessionSource(
        supplier, "Authorization", "Bearer", means.clock, means.spread, report, prewarm=prewarm, patience=patience
    )


class _Given(Unkept):
    """Tokens that `desk` gives for the key of `reader`."""

    __slots__ = ("_desk", "_fetch", "_reader", "_wall")

    def __init__(self, desk: Desk, reader: SecretReader, fetch: Fetch, wall: Clock) -> None:
        self._desk = desk
        self._reader = reader
        self._fetch = fetch
        self._wall = wall

    async def supply(self, held: Secret | None) -> Fresh | Failed:
        desk = self._desk
        try:
            key = await self._reader.read()
            call = desk.call(key.reveal(), self._wall())
        except SecretUnavailable as unavailable:
            return Failed(unavailable.detail, unavailable.said, unavailable.retry_after)
        except KeyUnfit as unfit:
            self._reader.forget()
            return Failed(f"the key cannot be used: {unfit}")
        try:
            reply = await self._fetch(call)
        except OutriderError as error:
            return Failed(f"no answer from {desk.name}: {error.detail}")
        outcome = desk.read(reply, self._wall())
        if isinstance(outcome, Granted):
            return Fresh(outcome.access, outcome.lifetime)
        # The key may have been replaced since it was read.
        self._reader.forget()
        return Failed(outcome.detail, retry_after=outcome.retry_after)

    def changed(self, now: float) -> bool:
        """Asking never ends for good."""
        return False

    async def close(self) -> None:
        await self._reader.close()
