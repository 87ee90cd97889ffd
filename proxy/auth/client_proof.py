"""How a client proves to a server who it is: a file's worth of ways, one list of them.

What must not live here: what is asked for with the proof.
"""

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import quote_plus

from proxy.auth.assertion import Assertions
from proxy.auth.grant import Pairs
from proxy.auth.means import Means
from proxy.auth.secret_rules import SecretReader
from proxy.config.oauth2_model import OAuth2Profile

__all__ = ["ClientProof", "client_proof"]

_JWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_Add = Callable[[Pairs, Pairs, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ClientProof:
    """`add` puts the proof for the call of a URL among its parameters, or among its fields; `readers` are behind it.

    `dated` where it says when it was made: then a clock that is wrong is enough for it to be refused.
    """

    readers: Sequence[SecretReader]
    add: _Add
    dated: bool = False

    def forget(self) -> bool:
        """The proof was refused: read it again. False where that cannot change it."""
        # All of them, also when the first one may have changed.
        return sum(reader.forget() for reader in self.readers) > 0


def client_proof(profile: OAuth2Profile, means: Means) -> ClientProof:
    """Raises SecretUnavailable when a proof is added."""
    client = profile.client_id or ""
    match profile.client_authentication:
        case "client_secret_basic" | "client_secret_basic_raw" | "client_secret_post" as how:
            assert profile.client_secret is not None
            return _by_secret(client, means.open(profile.client_secret), how)
        case "private_key_jwt":
            assert profile.client_key is not None
            assertions = Assertions(profile.client_key, means.open_key(profile.client_key.key), means.wall)
            audience = profile.client_key.audience or profile.issuer
            return _by_key(client, assertions, audience)
        case "tls_client_auth" | "none":
            # The certificate is the connection's; the name tells the server whose it should be (RFC 8705 §2).
            return _by_name(client)
        case _:
            assert_never(profile.client_authentication)


def _by_secret(client: str, secret: SecretReader, how: str) -> ClientProof:
    async def add(pairs: Pairs, fields: Pairs, url: str) -> None:
        value = (await secret.read()).reveal()
        if how == "client_secret_post":
            pairs += [("client_id", client), ("client_secret", value)]
        elif how == "client_secret_basic":
            fields.append(_basic(quote_plus(client), quote_plus(value)))
        else:
            fields.append(_basic(client, value))

    return ClientProof((secret,), add)


def _by_key(client: str, assertions: Assertions, audience: str | None) -> ClientProof:
    async def add(pairs: Pairs, fields: Pairs, url: str) -> None:
        claims = {"iss": client, "sub": client, "aud": audience or url}
        signed = await assertions.make(claims)
        pairs += [("client_id", client), ("client_assertion_type", _JWT), ("client_assertion", signed)]

    return ClientProof(assertions.readers, add, dated=True)


def _by_name(client: str) -> ClientProof:
    async def add(pairs: Pairs, fields: Pairs, url: str) -> None:
        if client:
            pairs.append(("client_id", client))

    return ClientProof((), add)


def _basic(name: str, secret: str) -> tuple[str, str]:
    pair = base64.b64encode(f"{name}:{secret}".encode()).decode()
    return "Authorization", f"Basic {pair}"
