"""A credential that is made of secrets by a pure function: what all static schemes share.

The bytes are prepared again only when a secret became another one. Asking costs one comparison until the earliest time
at which a secret could have changed. What must not live here: any scheme.
"""

from collections.abc import Callable, Sequence

from proxy.auth.secret_rules import SecretReader, SecretUnavailable
from proxy.auth.source import PreparedInjection
from proxy.clock import NEVER, Clock
from proxy.errors import CredentialUnavailable
from proxy.secret import Secret

__all__ = ["Prepare", "SecretSource"]

Prepare = Callable[[Sequence[Secret]], PreparedInjection]
"""From the secrets, in the readers' order, to the bytes; raises SecretUnavailable for values that cannot be sent."""


class SecretSource:
    """Prepares an injection from what `readers` hand out."""

    __slots__ = (
        "_clock",
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
