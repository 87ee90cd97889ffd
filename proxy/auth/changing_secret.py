"""What the readers of a secret that changes under them keep: the last good value, and what is wrong since.

What must not live here: where the value comes from, and when it is looked for again.
"""

from proxy.auth.secret_rules import SecretUnavailable
from proxy.secret import Secret

__all__ = ["ChangingSecret"]


class ChangingSecret:
    """The part of a `SecretReader` that does not depend on where the secret is."""

    __slots__ = ("_unavailable", "_value", "recheck_at", "version")

    def __init__(self) -> None:
        self._value: Secret | None = None
        self._unavailable: SecretUnavailable | None = None
        self.recheck_at = float("-inf")
        self.version = 0

    @property
    def problem(self) -> str | None:
        return str(self._unavailable) if self._unavailable else None

    def forget(self) -> bool:
        self.recheck_at = float("-inf")
        return True

    def _take(self, value: Secret) -> None:
        """It is good; nothing is wrong any more."""
        self._unavailable = None
        if value != self._value:
            self._value = value
            self.version += 1
