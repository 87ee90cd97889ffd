"""A credential that is made of secrets by a pure function: what all static schemes share.

The bytes are prepared again only when a secret became another one. Asking costs one comparison until the earliest time
at which a secret could have changed. What must not live here: any scheme.
"""

from collections.abc import Callable, Sequence

from proxy.auth.secret_rules import SecretReader, SecretUnavailable
from proxy.auth.source import PreparedInjection, StaticSource
from proxy.clock import NEVER, Clock
from proxy.errors import CredentialUnavailable
from proxy.policy.renewal import Cooling
from proxy.secret import Secret

__all__ = ["Prepare", "SecretSource"]

Prepare = Callable[[Sequence[Secret]], PreparedInjection]
"""From the secrets, in the readers' order, to the bytes; raises SecretUnavailable for values that cannot be sent."""


class SecretSource(StaticSource):
    """Prepares an injection from what `readers` hand out."""

    __slots__ = (
        "_clock",
        "_follows",
        "_futile",
        "_injection",
        "_prepare",
        "_readers",
        "_recheck_at",
        "_unusable",
        "_versions",
        "cookie_name",
        "query_name",
        "strip",
    )

    def __init__(
        self,
        readers: Sequence[SecretReader],
        prepare: Prepare,
        clock: Clock,
        *,
        strip: frozenset[bytes] = frozenset(),
        query_name: bytes = b"",
        cookie_name: bytes = b"",
    ) -> None:
        self._readers = tuple(readers)
        self._prepare = prepare
        self._clock = clock
        self._injection: PreparedInjection | None = None
        self._unusable: SecretUnavailable | None = None
        self._versions: tuple[int, ...] | None = None
        self._recheck_at = float("-inf")
        self._follows = any(reader.recheck_at != NEVER for reader in self._readers)
        self._futile = Cooling()
        self.strip = strip
        self.query_name = query_name
        self.cookie_name = cookie_name

    @property
    def problem(self) -> str | None:
        problems = [reader.problem for reader in self._readers if reader.problem]
        if self._unusable:
            problems.append(str(self._unusable))
        return "; ".join(problems) or None

    def peek(self, now: float) -> PreparedInjection | None:
        if now < self._recheck_at:
            return self._injection
        values: list[Secret] = []
        for reader in self._readers:
            if (value := reader.peek(now)) is None:
                return None
            values.append(value)
        return self._adopt(values)

    async def current(self) -> PreparedInjection:
        held = self.peek(self._clock())
        if held is not None:
            return held
        try:
            held = self._adopt([await reader.read() for reader in self._readers])
        except SecretUnavailable as unavailable:
            raise _refusal(unavailable) from None
        if held is None:
            raise _refusal(self._unusable or SecretUnavailable("the credential cannot be prepared"))
        return held

    @property
    def unusable(self) -> str | None:
        """A start says what is wrong with secrets; afterwards the last good ones go on being used."""
        return None

    def may_refresh(self, rejected: PreparedInjection) -> bool:
        return rejected is not self._injection or (self._follows and not self._futile.remaining(self._clock()))

    def reject(self, rejected: PreparedInjection) -> None:
        if rejected is self._injection and self.may_refresh(rejected):
            for reader in self._readers:
                reader.forget()
            self._recheck_at = float("-inf")

    async def refresh(self, rejected: PreparedInjection) -> PreparedInjection | None:
        self.reject(rejected)
        fresh = await self.current()
        if fresh is rejected:
            # Unchanged: to read it anew for each refusal would be a storm of looks, and of runs of a command.
            self.replayed(fresh, accepted=False)
            return None
        return fresh

    def replayed(self, injection: PreparedInjection, *, accepted: bool) -> None:
        if accepted:
            self._futile.succeeded()
        elif injection is self._injection and not self._futile.remaining(now := self._clock()):
            self._futile.failed(now)

    async def start(self) -> None:
        await self.current()

    async def close(self) -> None:
        for reader in self._readers:
            await reader.close()

    def _adopt(self, values: Sequence[Secret]) -> PreparedInjection | None:
        """The injection for these values, prepared only if one of them is new."""
        versions = tuple(reader.version for reader in self._readers)
        if versions != self._versions:
            self._versions = versions
            self._injection, self._unusable = None, None
            try:
                self._injection = self._prepare(values)
            except SecretUnavailable as unavailable:
                self._unusable = unavailable
        self._recheck_at = min((reader.recheck_at for reader in self._readers), default=NEVER)
        return self._injection


def _refusal(unavailable: SecretUnavailable) -> CredentialUnavailable:
    # Without what a command wrote to its standard error: callers may read this.
    return CredentialUnavailable(unavailable.detail, retry_after=unavailable.retry_after)
