import base64
import json
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from proxy.auth.client_proof import ClientProof, client_proof
from proxy.auth.secret_rules import SecretUnavailable
from proxy.config.oauth2_model import OAuth2Profile
from tests.auth.tools import FakeClock, means, profile, write_secret

Pairs = list[tuple[str, str]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def proof(base: Path, clock: FakeClock, grant: str = "client_credentials", **written: Any) -> ClientProof:
    made = profile(type="oauth2", grant=grant, token_url="https://t.test/token", **written)
    assert isinstance(made, OAuth2Profile)
    return client_proof(made, means(base, clock))


async def added(made: ClientProof) -> tuple[Pairs, Pairs]:
    """Parameters and fields."""
    pairs: Pairs = [("grant_type", "client_credentials")]
    fields: Pairs = []
    await made.add(pairs, fields, "https://t.test/token")
    return pairs[1:], fields


def basic(pair: str) -> Pairs:
    return [("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")]


@pytest.mark.parametrize(
    ("how", "parameters", "fields"),
    [
        # RFC 6749 §2.3.1 has both encoded as in a form first, though not every server takes them so.
        ("client_secret_basic", [], basic("me%3A1:s+%2F%C3%A4")),
        ("client_secret_basic_raw", [], basic("me:1:s /ä")),
        ("client_secret_post", [("client_id", "me:1"), ("client_secret", "s /ä")], []),
    ],
)
async def test_a_secret_is_put_where_the_server_wants_it(
    tmp_path: Path, clock: FakeClock, how: str, parameters: Pairs, fields: Pairs
) -> None:
    made = proof(tmp_path, clock, client_id="me:1", client_secret="s /ä", client_auth=how)
    assert await added(made) == (parameters, fields)
    assert not made.dated


async def test_a_client_without_a_proof_only_names_itself(tmp_path: Path, clock: FakeClock) -> None:
    made = proof(tmp_path, clock, "refresh_token", client_id="me", refresh_token="r")
    assert await added(made) == ([("client_id", "me")], [])
    assert made.forget() is False


async def test_a_client_without_a_name_adds_none(tmp_path: Path, clock: FakeClock) -> None:
    assert await added(proof(tmp_path, clock, "jwt_bearer", assertion="a")) == ([], [])


async def test_a_secret_is_read_again_after_it_was_refused(tmp_path: Path, clock: FakeClock) -> None:
    file = write_secret(tmp_path / "secret", "old")
    made = proof(tmp_path, clock, client_id="me", client_secret={"file": str(file)}, client_auth="client_secret_post")
    assert ("client_secret", "old") in (await added(made))[0]
    write_secret(file, "new")
    assert ("client_secret", "old") in (await added(made))[0]
    assert made.forget() is True
    assert ("client_secret", "new") in (await added(made))[0]


async def test_a_secret_that_cannot_be_read_is_no_proof(tmp_path: Path, clock: FakeClock) -> None:
    made = proof(tmp_path, clock, client_id="me", client_secret={"env": "NOT_SET"})
    with pytest.raises(SecretUnavailable, match="NOT_SET is not set"):
        await added(made)


@pytest.mark.parametrize(
    ("more", "audience"),
    [({}, "https://t.test/token"), ({"audience": "https://i.test"}, "https://i.test")],
)
async def test_a_key_signs_who_asks_and_whom(
    tmp_path: Path, clock: FakeClock, more: dict[str, str], audience: str
) -> None:
    key = RSAKey.generate_key(2048)
    file = write_secret(tmp_path / "key.pem", key.as_pem(private=True).decode())
    made = proof(tmp_path, clock, client_id="me", client_key={"key": {"file": str(file)}, **more})
    (name, kind, assertion), _ = await added(made)
    assert (name, kind) == (
        ("client_id", "me"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
    )
    claims = json.loads(base64.urlsafe_b64decode(assertion[1].split(".")[1] + "=="))
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("me", "me", audience)
    assert made.dated
