"""Grant `password` (RFC 6749 §4.3): a user's name and password, for servers that know nothing better.

What must not live here: the renewal by the refresh token that usually comes with it (`proxy.auth.direct_grant`).
"""

from collections.abc import Sequence

from proxy.auth.grant import Pairs
from proxy.auth.secret_rules import SecretReader

__all__ = ["Password"]


class Password:
    """The name and the password of a user."""

    __slots__ = ("_password", "_username")

    rotates = False
    dated = False

    def __init__(self, username: SecretReader, password: SecretReader) -> None:
        self._username = username
        self._password = password

    @property
    def readers(self) -> Sequence[SecretReader]:
        return self._username, self._password

    async def identity(self) -> Sequence[str]:
        return "password", (await self._username.read()).reveal()

    async def pairs(self) -> Pairs:
        username, password = await self._username.read(), await self._password.read()
        return [("grant_type", "password"), ("username", username.reveal()), ("password", password.reveal())]
