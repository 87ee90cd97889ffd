"""What a grant that can be asked again and again promises: the parameters that a token is asked for with.

What must not live here: any grant, and the asking (`proxy.auth.direct_grant`).
"""

from collections.abc import Sequence
from typing import Protocol

from proxy.auth.secret_rules import SecretReader
from proxy.config.secret_model import CredentialSecret, EnvSecret, FileSecret, LiteralSecret, SecretRef

__all__ = ["Grant", "Pairs", "place"]

Pairs = list[tuple[str, str]]


class Grant(Protocol):
    """A credential that a token endpoint exchanges for a token, as often as it is asked."""

    @property
    def readers(self) -> Sequence[SecretReader]:
        """The secrets it is made of; a new value of one is a new credential."""

    @property
    def rotates(self) -> bool:
        """Whether those change by themselves now and then, as a workload's own token does."""

    @property
    def dated(self) -> bool:
        """Whether what it presents says when it was made, so that a wrong clock alone may have it refused."""

    async def identity(self) -> Sequence[str]:
        """Whom its tokens are for, and nothing that a rotation changes: kept tokens of another are not used."""

    async def pairs(self) -> Pairs:
        """The parameters, `grant_type` first. Raises SecretUnavailable."""


def place(ref: SecretRef) -> str:
    """Where a secret that rotates is found; a literal, which does not, stands for itself. To be hashed, not shown."""
    match ref:
        case LiteralSecret():
            return ref.literal.reveal()
        case EnvSecret():
            return ref.env
        case FileSecret():
            return ref.file
        case CredentialSecret():
            return ref.credential
        case _:
            return "\n".join(ref.exec)
