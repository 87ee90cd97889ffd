"""Grant `jwt_bearer` (RFC 7523 §2.1): a signed assertion of who is asking, for a token.

The assertion is read as it is, or made anew for each exchange from a key (`proxy.auth.assertion`).
"""

from collections.abc import Awaitable, Callable, Sequence

from proxy.auth.grant import Pairs
from proxy.auth.secret_rules import SecretReader

__all__ = ["JwtBearer"]

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class JwtBearer:
    """`assertion` answers with one to present; `readers` are the secrets behind it, `identity` whom it speaks for.

    `rotates` where something else makes the assertion, anew each time; else it is made here, and `dated`.
    """

    __slots__ = ("_assertion", "_identity", "dated", "readers", "rotates")

    def __init__(
        self,
        assertion: Callable[[], Awaitable[str]],
        readers: Sequence[SecretReader],
        identity: Sequence[str],
        *,
        rotates: bool,
    ) -> None:
        self.rotates = rotates
        self.dated = not rotates
        self._assertion = assertion
        self._identity = identity
        self.readers = readers

    async def identity(self) -> Sequence[str]:
        return "jwt_bearer", *self._identity

    async def pairs(self) -> Pairs:
        return [("grant_type", _GRANT), ("assertion", await self._assertion())]
