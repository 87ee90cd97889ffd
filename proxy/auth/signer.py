"""The joint for credentials that depend on the request: what a signer is shown, and what it promises.

A source that signs hands out its key as the injection: a `PreparedInjection` with nothing in it to send, of a kind that
its signer knows. The stage next to the wire has it turned into a signature, anew for each attempt. What must not live
here: any scheme.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from proxy.auth.secret_rules import SecretReader
from proxy.auth.secret_source import Prepare, SecretSource
from proxy.clock import Clock
from proxy.message import Exchange, Response
from proxy.message.exchange import Injection

__all__ = ["Outgoing", "SecretSigningSource", "Signer", "Signs"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The request as the upstream will see it.

    `target` has the base path and the query, byte for byte; `host` is the value of `Host`; `secure` tells of TLS.
    `fields` are those that are sent beside the credential's own. `content` is all of it, `b""` where there is none;
    None where it was not asked for, or is longer than what the signer reads.
    """

    method: str
    target: bytes
    host: bytes
    secure: bool
    fields: Sequence[tuple[bytes, bytes]]
    content: bytes | None

    @property
    def path(self) -> bytes:
        return self.target.partition(b"?")[0]

    @property
    def query(self) -> bytes:
        """What stands behind the question mark."""
        return self.target.partition(b"?")[2]

    def values(self, name: bytes) -> list[bytes]:
        """The values of the fields of this name (lower case), in their order."""
        return [value for field, value in self.fields if field.lower() == name]


class Signer(Protocol):
    """Makes what is sent of a key and a request. It is asked for each attempt, right before that is sent."""

    def wants_content(self, exchange: Exchange) -> int:
        """How many bytes of content may be read ahead to be signed; 0 where the content does not matter."""

    def sign(self, exchange: Exchange, outgoing: Outgoing, key: Injection) -> Injection:
        """What goes into the head. May put other content in the place of the exchange's, for this attempt.

        Raises OutriderError for a request that cannot be signed.
        """

    def answered(self, signed: Injection, response: Response) -> None:
        """What the upstream said to a request that `sign` made `signed` for."""


@runtime_checkable
class Signs(Protocol):
    """A credential source may have a signer; None where its credential is sent as it is."""

    @property
    def signer(self) -> Signer | None: ...


class SecretSigningSource(SecretSource):
    """A signing key that is made of secrets alone. `signer` is given what `prepare` makes; `strip` are its fields."""

    __slots__ = ("signer",)

    def __init__(
        self, readers: Sequence[SecretReader], prepare: Prepare, clock: Clock, signer: Signer, strip: frozenset[bytes]
    ) -> None:
        super().__init__(readers, prepare, clock, strip=strip)
        self.signer: Signer | None = signer
