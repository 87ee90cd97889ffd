"""Bound tokens with a certified server: whose key it is, where it is kept, and what becomes of sessions without it."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from proxy.auth import CredentialSource, FolderStore, MemoryStore, Tokens
from proxy.auth.dpop import BoundSession
from proxy.auth.signer import Outgoing
from proxy.message import Exchange
from proxy.policy.signing_key import SigningKey, new_key
from proxy.secret import Secret
from tests.auth.tools import FakeClock, Open, refuses, write_secret
from tests.peers.oidc_provider import OidcProvider


@pytest.fixture
def wall() -> FakeClock:
    """The server reads moments by the real time."""
    return FakeClock(time.time())


def token_of(held: Any) -> str:
    scheme, token = held.lines.decode().partition(": ")[2].split()
    assert scheme == "DPoP"
    return str(token)


def bound_to(oidc: OidcProvider, client: dict[str, Any], held: Any) -> str:
    found: str = oidc.introspect(client, token_of(held))["cnf"]["jkt"]
    return found


async def test_a_token_is_bound_to_the_key_that_is_configured(
    oidc: OidcProvider, open_: Open, tmp_path: Path, clock: FakeClock
) -> None:
    client, path = oidc.client(), tmp_path / "key"
    first, second = new_key("ES256"), new_key("EdDSA")
    write_secret(path, first)
    source = open_(oidc.profile(client, dpop={"key": {"file": str(path)}}))
    held = await source.current()
    assert bound_to(oidc, client, held) == SigningKey(first).thumbprint
    write_secret(path, second)
    clock.now += 60
    held = await source.refresh(held)
    assert bound_to(oidc, client, held) == SigningKey(second).thumbprint


async def test_a_kept_token_of_another_key_is_not_used(oidc: OidcProvider, open_: Open, tmp_path: Path) -> None:
    client, store = oidc.client(), FolderStore(tmp_path / "state")
    tokens = []
    for key in (one := new_key("ES256"), one, new_key("ES256")):
        source = open_(oidc.profile(client, dpop={"key": key}), store)
        tokens.append(token_of(await source.current()))
    assert (tokens[0] == tokens[1], tokens[1] == tokens[2]) == (True, False)


async def test_a_key_that_was_made_is_kept_and_shared_by_who_shares_the_folder(
    oidc: OidcProvider, open_: Open, tmp_path: Path
) -> None:
    client = oidc.client()
    sources = [open_(oidc.profile(client, dpop={}), FolderStore(tmp_path / "state")) for _ in range(2)]
    first, second = [await source.current() for source in sources]
    assert token_of(first) == token_of(second)
    renewed = await sources[1].refresh(second)
    assert token_of(renewed) != token_of(first)
    assert bound_to(oidc, client, renewed) == bound_to(oidc, client, first)
    kept = tmp_path / "state" / "p@dpop.json"
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_without_a_folder_the_key_lives_as_long_as_the_store(oidc: OidcProvider, open_: Open) -> None:
    client, store = oidc.client(), MemoryStore()
    keys = set()
    for given in (store, store, MemoryStore()):
        source = open_(oidc.profile(client, dpop={}), given)
        keys.add(bound_to(oidc, client, await source.refresh(await source.current())))
    assert len(keys) == 2


async def test_another_algorithm_than_the_kept_keys_makes_a_new_key(oidc: OidcProvider, open_: Open) -> None:
    client, store = oidc.client(), MemoryStore()
    bound = [
        bound_to(oidc, client, await open_(oidc.profile(client, dpop={"algorithm": algorithm}), store).current())
        for algorithm in ("RS256", "PS256", "ES256")
    ]
    assert (bound[0] == bound[1], bound[1] == bound[2]) == (True, False)


async def test_a_refresh_token_that_is_bound_survives_a_restart_with_its_key_and_not_without(
    oidc: OidcProvider, open_: Open, tmp_path: Path
) -> None:
    """A public client's refresh tokens are bound, too (RFC 9449 §5)."""
    client = oidc.client(token_endpoint_auth_method="none", dpop_bound_access_tokens=True)
    written = oidc.profile(client, grant="device_code", device_authorization_url=f"{oidc.url}/device/auth", dpop={})
    store = FolderStore(tmp_path / "state")
    source = open_(written, store)
    await begin(oidc, client, source, store)
    again = open_(written, FolderStore(tmp_path / "state"))
    held = await again.current()
    assert await again.refresh(held) is not None
    (tmp_path / "state" / "p@dpop.json").unlink()
    error = await refuses(open_(written, FolderStore(tmp_path / "state")))
    assert (error.code, "invalid_grant" in error.detail) == ("session_expired", True)


async def begin(oidc: OidcProvider, client: dict[str, Any], source: CredentialSource, store: FolderStore) -> None:
    """A refresh token that is bound to the key of `source`, as a login brings it."""
    assert isinstance(source, BoundSession)
    await refuses(source)
    record = await store.load("p@dpop")
    assert record is not None
    assert record.access is not None
    thumbprint = SigningKey(record.access.reveal()).thumbprint
    tokens = oidc.tokens(client, jkt=thumbprint)
    await source.install(Tokens(None, Secret(tokens["refresh_token"])))


async def test_a_key_that_cannot_be_read_is_told_and_nothing_is_asked(oidc: OidcProvider, open_: Open) -> None:
    client = oidc.client()
    error = await refuses(open_(oidc.profile(client, dpop={"key": {"env": "NO_KEY"}})))
    assert (error.code, "NO_KEY" in error.detail) == ("credential_unavailable", True)
    error = await refuses(open_(oidc.profile(client, dpop={"key": "canary"})))
    assert (error.code, "the key of dpop cannot be used" in error.detail) == ("credential_unavailable", True)
    assert "canary" not in error.detail
    assert oidc.facts(client) == []


async def test_what_is_sent_prints_no_token_and_no_proof(oidc: OidcProvider, open_: Open) -> None:
    source = open_(oidc.profile(oidc.client(), dpop={}))
    held = await source.current()
    assert isinstance(source, BoundSession)
    exchange = Exchange("GET", b"/", [], b"1", 0.0)
    signed = source.signer.sign(exchange, Outgoing("GET", b"/", b"api.example", True, [], b""), held)
    assert signed.lines.startswith(b"Authorization: DPoP ")
    assert not any(part in repr(signed) for part in (token_of(held), "eyJ"))


def test_other_profiles_pay_nothing_for_it() -> None:
    """Neither the signer nor what it takes to sign is there for a profile without."""
    code = "import sys, proxy.auth.build; print('joserfc' in sys.modules, 'proxy.auth.dpop' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "False"]
