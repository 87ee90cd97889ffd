"""Grant `token_exchange` (RFC 8693): a token of one kind for a token of another, such as a workload's own.

What must not live here: what the token that comes back is good for; it is used as any access token.
"""

from collections.abc import Sequence

from proxy.auth.grant import Pairs
from proxy.auth.secret_rules import SecretReader

__all__ = ["TokenExchange"]

_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"


class TokenExchange:
    """`subject` and `actor` are tokens with their types; `requested` is the type asked for, empty for the server's
    choice. `identity` tells whose tokens they are."""

    __slots__ = ("_actor", "_identity", "_requested", "_subject")

    rotates = True
    dated = False

    def __init__(
        self,
        subject: tuple[SecretReader, str],
        actor: tuple[SecretReader, str] | None,
        requested: str,
        identity: Sequence[str],
    ) -> None:
        self._subject = subject
        self._actor = actor
        self._requested = requested
        self._identity = identity

    @property
    def readers(self) -> Sequence[SecretReader]:
        return [token[0] for token in (self._subject, self._actor) if token is not None]

    async def identity(self) -> Sequence[str]:
        return "token_exchange", self._requested, *self._identity

    async def pairs(self) -> Pairs:
        reader, kind = self._subject
        pairs = [
            ("grant_type", _GRANT),
            ("subject_token", (await reader.read()).reveal()),
            ("subject_token_type", kind),
        ]
        if self._actor is not None:
            reader, kind = self._actor
            pairs += [("actor_token", (await reader.read()).reveal()), ("actor_token_type", kind)]
        if self._requested:
            pairs.append(("requested_token_type", self._requested))
        return pairs
