"""Scheme `basic`: user name and password in UTF-8 (RFC 7617)."""

import base64
from collections.abc import Callable, Sequence

from proxy.auth.field import field_line, owned, value_problem
from proxy.auth.secret_rules import SecretReader, SecretUnavailable
from proxy.auth.secret_source import SecretSource
from proxy.auth.source import PreparedInjection
from proxy.clock import Clock
from proxy.config.auth_model import BasicProfile, SecretRef
from proxy.secret import Secret

__all__ = ["basic_source"]

_FIELD = "Authorization"


def basic_source(profile: BasicProfile, open_: Callable[[SecretRef], SecretReader], clock: Clock) -> SecretSource:
    readers = [open_(profile.username), open_(profile.password)]
    return SecretSource(readers, _prepare, clock, strip=owned(_FIELD))


def _prepare(values: Sequence[Secret]) -> PreparedInjection:
    username, password = (value.reveal() for value in values)
    if ":" in username:
        raise SecretUnavailable("the user name has a colon; what follows would be read as the password (RFC 7617 §2)")
    # Base64 would carry them, but RFC 7617 §2 forbids control characters in both.
    if problem := value_problem(username + password):
        raise SecretUnavailable(f"the user name or password {problem}")
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return PreparedInjection(lines=field_line(_FIELD, f"Basic {pair}"))
