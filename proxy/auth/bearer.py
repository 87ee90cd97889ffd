"""Scheme `bearer`: `Authorization: Bearer TOKEN` (RFC 6750 §2.1)."""

from collections.abc import Callable, Sequence

from proxy.auth.field import owned, token_line
from proxy.auth.secret_rules import SecretReader
from proxy.auth.secret_source import SecretSource
from proxy.auth.source import PreparedInjection
from proxy.clock import Clock
from proxy.config.auth_model import BearerProfile, SecretRef
from proxy.secret import Secret

__all__ = ["bearer_source", "token_source"]


def bearer_source(profile: BearerProfile, open_: Callable[[SecretRef], SecretReader], clock: Clock) -> SecretSource:
    return token_source(open_(profile.token), "Authorization", "Bearer", clock)


def token_source(reader: SecretReader, header: str, scheme: str, clock: Clock) -> SecretSource:
    """One token in one field, after the word `scheme`."""

    def prepare(values: Sequence[Secret]) -> PreparedInjection:
        return PreparedInjection(lines=token_line(header, scheme, values[0].reveal()))

    return SecretSource([reader], prepare, clock, strip=owned(header))
