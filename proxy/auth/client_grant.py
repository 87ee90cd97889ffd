"""Grant `client_credentials` (RFC 6749 §4.4): a token for the client itself.

What must not live here: how the client proves who it is (`proxy.auth.client_proof`).
"""

from collections.abc import Sequence

from proxy.auth.grant import Pairs
from proxy.auth.secret_rules import SecretReader

__all__ = ["ClientCredentials"]


class ClientCredentials:
    """There is nothing but the client."""

    __slots__ = ()

    rotates = False
    dated = False

    @property
    def readers(self) -> Sequence[SecretReader]:
        return ()

    async def identity(self) -> Sequence[str]:
        return ("client_credentials",)

    async def pairs(self) -> Pairs:
        return [("grant_type", "client_credentials")]
