"""The scheme `oauth2` against a certified server that we did not write."""

import asyncio
import base64
import time
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509 import Certificate, load_pem_x509_certificate
from joserfc.jwk import ECKey, RSAKey

from proxy.auth import FolderStore, MemoryStore, PreparedInjection
from tests.auth.tools import FakeClock, Open, refuses, write_secret
from tests.peers.oidc_provider import OidcProvider


@pytest.fixture
def wall() -> FakeClock:
    """The server reads moments by the real time."""
    return FakeClock(time.time())


def called(
    oidc: OidcProvider,
    held: PreparedInjection,
    verify: str | bool = True,
    cert: str | None = None,
) -> dict[str, Any]:
    """What the API says to the credential; `{}` when it refuses it."""
    field = held.lines.decode().strip().partition(": ")[2]
    reply = requests.get(f"{oidc.api_url}/x", headers={"Authorization": field}, verify=verify, cert=cert, timeout=10)
    assert reply.status_code in (200, 401)
    found: dict[str, Any] = reply.json()
    return found if reply.status_code == 200 else {}


def kinds(oidc: OidcProvider, client: dict[str, Any]) -> list[str]:
    return [str(fact["granted"]).rpartition(":")[2] for fact in oidc.facts(client) if "granted" in fact]


def private_pem(key: Any) -> str:
    found: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return found.decode()


def key_pair(algorithm: str) -> tuple[str, dict[str, Any]]:
    """A private key in PEM, and the set of its public key."""
    if algorithm.startswith("ES"):
        pem = private_pem(ec.generate_private_key(ec.SECP256R1()))
        public = ECKey.import_key(pem).as_dict(private=False)
    else:
        pem = private_pem(rsa.generate_private_key(65537, 2048))
        public = RSAKey.import_key(pem).as_dict(private=False)
    return pem, {"keys": [public | {"kid": "one", "use": "sig", "alg": algorithm}]}


@pytest.mark.parametrize("how", ["client_secret_basic", "client_secret_post"])
async def test_a_client_gets_its_token(oidc: OidcProvider, open_: Open, how: str) -> None:
    client = oidc.client(token_endpoint_auth_method=how)
    source = open_(oidc.profile(client, client_auth=how, scope=["read", "write"]))
    held = await source.current()
    assert called(oidc, held)["scope"] == "read write"


async def test_a_wrong_secret_is_the_end(oidc: OidcProvider, open_: Open) -> None:
    error = await refuses(open_(oidc.profile(oidc.client(), client_secret="other")))
    assert (error.code, "invalid_client" in error.detail) == ("session_expired", True)


async def test_a_resource_is_asked_for_by_name(oidc: OidcProvider, open_: Open) -> None:
    source = open_(oidc.profile(oidc.client(), resource="https://api.example/", scope="read"))
    token = (await source.current()).lines.split()[-1].decode()
    assert len(token.split(".")) == 3


async def test_rotation_goes_on_for_a_hundred_renewals(oidc: OidcProvider, open_: Open) -> None:
    client = oidc.client()
    first = oidc.tokens(client)["refresh_token"]
    source = open_(oidc.profile(client, grant="refresh_token", refresh_token=first))
    held = await source.current()
    for _ in range(100):
        held = await source.refresh(held) or held
    assert called(oidc, held)["account"] == "ada"
    assert kinds(oidc, client) == ["refresh_token"] * 101


async def test_a_second_use_of_a_refresh_token_is_the_end_of_every_session_that_grew_from_it(
    oidc: OidcProvider, open_: Open
) -> None:
    client = oidc.client()
    written = oidc.profile(client, grant="refresh_token", refresh_token=oidc.tokens(client)["refresh_token"])
    source, thief = open_(written), open_(written, MemoryStore())
    held = await source.current()
    assert (await refuses(thief)).code == "session_expired"
    assert called(oidc, held) == {}
    assert {"revoked": True} in oidc.facts(client)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
async def test_a_client_proves_itself_with_a_key(
    oidc: OidcProvider, open_: Open, tmp_path: Path, algorithm: str
) -> None:
    pem, keys = key_pair(algorithm)
    write_secret(tmp_path / "key.pem", pem)
    client = oidc.client(
        token_endpoint_auth_method="private_key_jwt", jwks=keys, token_endpoint_auth_signing_alg=algorithm
    )
    options = {"key": {"file": "key.pem"}, "key_id": "one", "algorithm": algorithm}
    source = open_(oidc.profile(client, client_key=options))
    held = await source.current()
    assert called(oidc, held)["client"] == client["client_id"]
    # Each proof is good once, so the second call shows that it has another.
    assert await source.refresh(held) is not None


async def test_another_key_is_taken_up_where_the_old_one_is_refused(
    oidc: OidcProvider, open_: Open, tmp_path: Path
) -> None:
    pem, keys = key_pair("ES256")
    path = write_secret(tmp_path / "key.pem", pem)
    client = oidc.client(token_endpoint_auth_method="private_key_jwt", jwks=keys)
    source = open_(oidc.profile(client, client_key={"key": {"file": str(path)}}))
    held = await source.current()
    pem, keys = key_pair("ES256")
    oidc.client(**client | {"jwks": keys})
    write_secret(path, pem)
    assert await source.refresh(held) is not None


@pytest.mark.parametrize("kind", ["tls_client_auth", "self_signed_tls_client_auth"])
async def test_a_client_proves_itself_with_its_certificate(
    oidc_tls: OidcProvider, open_: Open, tmp_path: Path, kind: str
) -> None:
    assert oidc_tls.folder is not None
    assert oidc_tls.authority is not None
    own = kind.startswith("self") and trustme.CA()
    issued = (own or oidc_tls.authority).issue_cert("client.example")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    metadata: dict[str, Any] = {"tls_client_auth_san_dns": "client.example"}
    if own:
        certificate = load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
        public = _jwk_of(certificate)
        metadata = {"jwks": {"keys": [public]}}
    client = oidc_tls.client(
        token_endpoint_auth_method=kind, tls_client_certificate_bound_access_tokens=True, **metadata
    )
    tls = {"ca": str(oidc_tls.folder / "ca.pem"), "cert": "both.pem"}
    source = open_(oidc_tls.profile(client, client_auth="tls_client_auth", tls=tls))
    held = await source.current()
    assert called(oidc_tls, held, tls["ca"]) == {}
    assert called(oidc_tls, held, tls["ca"], str(tmp_path / "both.pem"))["bound"] is True


def _jwk_of(certificate: Certificate) -> dict[str, Any]:
    """The certificate as a client registers it (RFC 8705 §2.2.2)."""
    public = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    kind = RSAKey if isinstance(certificate.public_key(), rsa.RSAPublicKey) else ECKey
    whole = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    return kind.import_key(public).as_dict(private=False) | {"x5c": [whole]}


async def test_an_authority_that_the_system_does_not_know_is_refused_unless_it_is_named(
    oidc_tls: OidcProvider, open_: Open
) -> None:
    client = oidc_tls.client()
    error = await refuses(open_(oidc_tls.profile(client) | {"tls": None}))
    assert error.code == "credential_unavailable"
    await open_(oidc_tls.profile(client)).current()


@pytest.mark.parametrize(
    ("tls", "usable"),
    [
        ({"verify": False}, True),
        ({"ca": None, "min_version": "1.3"}, True),
        ({"ca": None, "server_name": "127.0.0.1"}, True),
        ({"ca": None, "server_name": "other.example"}, False),
    ],
)
async def test_the_options_of_tls_hold_for_token_endpoints(
    oidc_tls: OidcProvider, open_: Open, tls: dict[str, Any], usable: bool
) -> None:
    assert oidc_tls.folder is not None
    if "ca" in tls:
        tls = tls | {"ca": str(oidc_tls.folder / "ca.pem")}
    source = open_(oidc_tls.profile(oidc_tls.client(), tls=tls))
    if usable:
        await source.current()
    else:
        assert (await refuses(source)).code == "credential_unavailable"


async def test_a_key_speaks_to_the_issuer_where_one_is_named(
    oidc_tls: OidcProvider, open_: Open, tmp_path: Path
) -> None:
    pem, keys = key_pair("ES256")
    write_secret(tmp_path / "key.pem", pem)
    client = oidc_tls.client(token_endpoint_auth_method="private_key_jwt", jwks=keys)
    written = oidc_tls.profile(client, client_key={"key": {"file": "key.pem"}}, issuer=oidc_tls.url, token_url=None)
    assert (await open_(written).current()).lines


async def test_an_issuer_says_where_its_endpoints_are(oidc_tls: OidcProvider, open_: Open) -> None:
    written = oidc_tls.profile(oidc_tls.client(), issuer=oidc_tls.url, token_url=None)
    source = open_(written)
    await source.current()
    assert source.problem is None


async def test_a_signed_assertion_is_taken_and_its_refresh_token_spares_the_next(
    oidc: OidcProvider, open_: Open, tmp_path: Path
) -> None:
    pem, keys = key_pair("RS256")
    write_secret(tmp_path / "key.pem", pem)
    client = oidc.client(jwks=keys)
    signed = {
        "key": {"file": "key.pem"},
        "key_id": "one",
        "issuer": "me@example.com",
        "subject": "ada",
        "audience": oidc.url,
        "claims": {"tenant": 7},
    }
    source = open_(oidc.profile(client, grant="jwt_bearer", sign_assertion=signed, scope="read"))
    held = await source.current()
    assert called(oidc, held)["account"] == "ada"
    (claims,) = [fact["asserted"] for fact in oidc.facts(client) if "asserted" in fact]
    assert (claims["iss"], claims["sub"], claims["tenant"]) == ("me@example.com", "ada", 7)
    assert claims["exp"] - claims["iat"] == 60
    assert await source.refresh(held) is not None
    assert kinds(oidc, client) == ["jwt-bearer", "refresh_token"]


async def test_a_token_is_exchanged_for_another(oidc: OidcProvider, open_: Open, tmp_path: Path) -> None:
    client = oidc.client(
        grant_types=["urn:ietf:params:oauth:grant-type:token-exchange"], redirect_uris=[], response_types=[]
    )
    subject = write_secret(tmp_path / "subject", oidc.tokens(oidc.client())["access_token"])
    written = oidc.profile(
        client,
        grant="token_exchange",
        subject_token={"file": str(subject)},
        subject_token_type="access_token",
        audience="https://api.example",
    )
    source = open_(written)
    held = await source.current()
    assert called(oidc, held)["account"] == "ada"
    assert await source.refresh(held) is not None
    assert kinds(oidc, client) == ["token-exchange", "token-exchange"]


async def test_processes_that_share_a_folder_take_turns_and_no_family_is_revoked(
    oidc: OidcProvider, open_: Open, tmp_path: Path
) -> None:
    client = oidc.client()
    written = oidc.profile(client, grant="refresh_token", refresh_token=oidc.tokens(client)["refresh_token"])
    sources = [open_(written, FolderStore(tmp_path / "state")) for _ in range(2)]
    held = [await source.current() for source in sources]
    for _ in range(25):
        fresh = await asyncio.gather(*(source.refresh(one) for source, one in zip(sources, held, strict=True)))
        held = [new or old for new, old in zip(fresh, held, strict=True)]
    assert called(oidc, held[0])["account"] == "ada"
    assert [fact for fact in oidc.facts(client) if "revoked" in fact or "refused" in fact] == []
