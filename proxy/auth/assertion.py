"""Assertions (RFC 7521, RFC 7523 §3): short-lived statements, signed with a key, of who is asking.

Each is made for one call, so that none can be used twice. What must not live here: what the key is (`proxy.policy`),
and which call it is for.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from proxy.auth.secret_rules import SecretReader, SecretUnavailable
from proxy.clock import Clock
from proxy.config.oauth2_parts import KeyOptions
from proxy.policy.signing_key import KeyUnfit, SigningKey
from proxy.secret import Secret

__all__ = ["Assertions"]


class Assertions:
    """Signs with the key that `reader` hands out. `wall` is wall time."""

    __slots__ = ("_held", "_key", "_options", "_reader", "_wall")

    def __init__(self, options: KeyOptions, reader: SecretReader, wall: Clock) -> None:
        self._options = options
        self._reader = reader
        self._wall = wall
        self._held: Secret | None = None
        self._key: SigningKey | None = None

    @property
    def readers(self) -> Sequence[SecretReader]:
        return (self._reader,)

    async def make(self, claims: Mapping[str, Any]) -> str:
        """One with these claims, and the moments and the name that make it unique. Raises SecretUnavailable."""
        key = await self._current()
        now = int(self._wall())
        options = self._options
        header = dict(options.header)
        if key_id := options.key_id or key.key_id:
            header["kid"] = key_id
        moments = {"iat": now, "exp": now + int(options.lifetime), "jti": str(uuid.uuid4())}
        return key.sign({**claims, **moments}, header)

    async def _current(self) -> SigningKey:
        text = await self._reader.read()
        if self._key is None or text != self._held:
            try:
                self._key = SigningKey(text.reveal(), self._options.algorithm)
            except KeyUnfit as unfit:
                raise SecretUnavailable(f"the key to sign with cannot be used: {unfit}") from None
            self._held = text
        return self._key
