"""Which named caller a request comes from, by the token that it shows.

Tokens are compared in constant time, and all of them each time, so that the time taken tells nothing. What must not
live here: what a caller may ask (`proxy.policy.callers`).
"""

from collections.abc import Callable

from proxy.auth.secret_reader import SecretReader, SecretUnavailable
from proxy.clock import Clock
from proxy.config.auth_model import SecretRef
from proxy.config.model import Access
from proxy.errors import CallerNotAllowed, CredentialUnavailable
from proxy.policy.callers import CallerRules

__all__ = ["Callers"]


class Callers:
    """The callers of `access.callers`; false when there are none, and then nobody is asked for a token."""

    __slots__ = ("_callers", "_clock")

    def __init__(self, access: Access, open_secret: Callable[[SecretRef], SecretReader], clock: Clock) -> None:
        self._clock = clock
        self._callers = [
            (open_secret(caller.token), CallerRules(name, caller)) for name, caller in access.callers.items()
        ]

    def __bool__(self) -> bool:
        return bool(self._callers)

    async def identify(self, token: bytes | None) -> CallerRules:
        """Raises CallerNotAllowed, CredentialUnavailable when no token could be compared."""
        if token is None:
            raise CallerNotAllowed("Show your token in the field Outrider-Token.")
        found: CallerRules | None = None
        unreadable = 0
        for reader, rules in self._callers:
            try:
                secret = reader.peek(self._clock()) or await reader.read()
            except SecretUnavailable:
                unreadable += 1
                continue
            if secret and secret.matches(token):
                found = rules
        if found is not None:
            return found
        if unreadable == len(self._callers):
            raise CredentialUnavailable("No caller's token can be read; the log says why.", retry_after=5)
        raise CallerNotAllowed("This token belongs to no caller.")
