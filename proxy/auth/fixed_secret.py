"""A secret that does not change while the daemon runs: written in the file, or in the environment."""

from collections.abc import Mapping

from proxy.auth.secret_rules import SecretUnavailable, accept_text
from proxy.clock import NEVER
from proxy.secret import Secret

__all__ = ["FixedReader", "environment_reader", "literal_reader"]


class FixedReader:
    """Hands out one value for ever, or for ever the reason why there is none."""

    __slots__ = ("_error", "_value", "problem", "recheck_at", "version")

    def __init__(self, value: Secret | None, error: SecretUnavailable | None = None) -> None:
        self._value = value
        self._error = error
        self.problem = str(error) if error else None
        self.recheck_at = NEVER
        self.version = 0 if value is None else 1

    def peek(self, now: float) -> Secret | None:
        return self._value

    async def read(self) -> Secret:
        if self._value is None:
            detail = self._error.detail if self._error else "the secret has no value"
            raise SecretUnavailable(detail)
        return self._value

    def forget(self) -> bool:
        return False

    async def close(self) -> None:
        """Nothing runs."""


def literal_reader(literal: Secret) -> FixedReader:
    return _accepted(literal.reveal(), "the secret written in the configuration")


def environment_reader(name: str, environ: Mapping[str, str], *, lines: bool = False) -> FixedReader:
    text = environ.get(name)
    if text is None:
        return FixedReader(None, SecretUnavailable(f"environment variable {name} is not set"))
    return _accepted(text, f"environment variable {name}", lines=lines)


def _accepted(text: str, source: str, *, lines: bool = False) -> FixedReader:
    try:
        return FixedReader(accept_text(text, source, lines=lines))
    except SecretUnavailable as error:
        return FixedReader(None, error)
