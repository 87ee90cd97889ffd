"""Where the key comes from that tokens are bound to: a configured secret, or one that is made once and kept.

A key that was made lies where sessions are kept, beside its profile's: tokens that are bound to it live as long as it
does, and all processes that share the folder use the same. What must not live here: what the key signs.
"""

import asyncio
from collections.abc import Sequence

from proxy.auth.means import Means
from proxy.auth.record import Record
from proxy.auth.secret_rules import SecretReader, SecretUnavailable
from proxy.auth.store import SessionStore, StoreFailed
from proxy.config.oauth2_parts import DpopOptions
from proxy.policy.dpop import ProofKey
from proxy.policy.signing_key import KeyUnfit, SigningKey, new_key
from proxy.secret import Secret

__all__ = ["ConfiguredKey", "MadeKey", "ProofKeys", "proof_keys"]

_USUAL = "ES256"
"""What every server that knows DPoP can verify."""


class ConfiguredKey:
    """The key that `reader` hands out; another one when the secret becomes another."""

    __slots__ = ("_algorithm", "_held", "_reader", "last")

    def __init__(self, reader: SecretReader, algorithm: str | None) -> None:
        self._reader = reader
        self._algorithm = algorithm
        self._held: Secret | None = None
        self.last: ProofKey | None = None
        """What `current` gave last."""

    @property
    def readers(self) -> Sequence[SecretReader]:
        return (self._reader,)

    async def current(self) -> ProofKey:
        """Raises SecretUnavailable."""
        text = await self._reader.read()
        if self.last is None or text != self._held:
            try:
                self.last = ProofKey(SigningKey(text.reveal(), self._algorithm))
            except KeyUnfit as unfit:
                raise SecretUnavailable(f"the key of dpop cannot be used: {unfit}") from None
            self._held = text
        return self.last


class MadeKey:
    """The key that is kept for `profile`, made when it is first asked for."""

    __slots__ = ("_algorithm", "_name", "_store", "last")
    readers: Sequence[SecretReader] = ()

    def __init__(self, profile: str, store: SessionStore, algorithm: str | None) -> None:
        # No profile has a name with this sign in it.
        self._name = f"{profile}@dpop"
        self._store = store
        self._algorithm = algorithm
        self.last: ProofKey | None = None
        """What `current` gave last."""

    async def current(self) -> ProofKey:
        """Raises SecretUnavailable."""
        if self.last is None:
            try:
                async with self._store.exclusive(self._name):
                    self.last = self._usable(await self._store.load(self._name)) or await self._made()
            except StoreFailed as failed:
                raise SecretUnavailable(f"the key of dpop: {failed.detail}") from None
        return self.last

    def _usable(self, record: Record | None) -> ProofKey | None:
        if record is None or record.access is None:
            return None
        try:
            return ProofKey(SigningKey(record.access.reveal(), self._algorithm))
        except KeyUnfit:
            # The configuration asks for another algorithm than when it was made.
            return None

    async def _made(self) -> ProofKey:
        algorithm = self._algorithm or _USUAL
        text = await asyncio.to_thread(new_key, algorithm)
        # Before anything is bound to it.
        await self._store.save(self._name, Record("dpop", access=Secret(text)))
        return ProofKey(SigningKey(text, algorithm))


ProofKeys = ConfiguredKey | MadeKey


def proof_keys(profile: str, options: DpopOptions, means: Means) -> ProofKeys:
    if options.key is not None:
        return ConfiguredKey(means.open_key(options.key), options.algorithm)
    return MadeKey(profile, means.store, options.algorithm)
