"""What the grants share: tokens to and from what is kept of a session, and the noticing of new credentials.

What must not live here: any grant.
"""

from collections.abc import Sequence
from dataclasses import replace

from proxy.auth.record import Record
from proxy.auth.secret_rules import SecretReader
from proxy.auth.store import SessionStore
from proxy.auth.supply import Fresh
from proxy.auth.token_answer import Granted
from proxy.policy.renewal import early_by
from proxy.secret import Secret

__all__ = ["ANY", "Watch", "granted_record", "kept_token", "spent_seeds"]

ANY = ""
"""A seed, or a seal, of whichever credential is configured."""

_LOOK_EVERY = 1.0
_MOST_SPENT = 16


def spent_seeds(before: Record | None, seed: str) -> tuple[str, ...]:
    """What a record of `seed` in the place of `before` must know: credentials that were good for one session alone.

    Else a process that has an earlier one configured would present it again, and end that which replaced it.
    """
    if before is None:
        return ()
    lasting = before.rotates is False or before.seed in (seed, ANY) or before.seed in before.spent
    return before.spent if lasting else (*before.spent, before.seed)[-_MOST_SPENT:]


def granted_record(record: Record, granted: Granted, form: str, now: float) -> Record:
    """`record` with what was granted at wall time `now`; an answer without a refresh token keeps the old one."""
    refresh = granted.refresh or record.refresh
    return replace(
        record,
        form=form,
        access=granted.access,
        refresh=refresh,
        scope=granted.scope or record.scope,
        obtained_at=now,
        expires_at=now + granted.lifetime,
        rotates=refresh != record.refresh,
        pending=None,
    )


def kept_token(record: Record | None, seed: str, form: str, held: Secret | None, now: float) -> Fresh | None:
    """The kept token where it would do: of the same credential, another than `held`, and not due for renewal."""
    if record is None or record.access is None or record.access == held:
        return None
    if record.seed not in (seed, ANY) or record.form != form:
        return None
    remaining = record.remaining(now)
    return Fresh(record.access, remaining, shared=True) if remaining > early_by(record.lifetime) else None


class Watch:
    """Notices, after credentials have failed, that there are others: another secret, or another process's record."""

    __slots__ = ("_failed", "_look_at", "_profile", "_readers", "_store")

    def __init__(self, profile: str, readers: Sequence[SecretReader], store: SessionStore) -> None:
        self._profile = profile
        self._readers = readers
        self._store = store
        self._look_at = float("-inf")
        self._failed = self._seen()

    def failed(self) -> None:
        """What there is now does not work."""
        self._failed = self._seen()

    def changed(self, now: float) -> bool:
        if now < self._look_at:
            return False
        self._look_at = now + _LOOK_EVERY
        for reader in self._readers:
            reader.peek(now)
        return self._seen() != self._failed

    def _seen(self) -> tuple[object, ...]:
        return *(reader.version for reader in self._readers), self._store.version(self._profile)
