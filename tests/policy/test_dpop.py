"""What a proof holds, and what servers say of nonces."""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, cast

import pytest
from joserfc.jwk import import_key
from joserfc.jws import JWSRegistry

from proxy.policy.dpop import ProofKey, bare_url, path_of, said_nonce, token_hash, wants_nonce
from proxy.policy.signing_key import ALGORITHMS, SigningKey, new_key


def part(proof: bytes, number: int) -> dict[str, object]:
    text = proof.split(b".")[number]
    found: dict[str, object] = json.loads(urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
    return found


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_proof_is_a_jwt_that_its_own_header_verifies(algorithm: str) -> None:
    made = ProofKey(SigningKey(new_key(algorithm), algorithm))
    proof = made.proof("GET", "https://api.example/x", 1_700_000_000, "n1", token="hash", nonce="told")
    header = part(proof, 0)
    assert (header["typ"], header["alg"]) == ("dpop+jwt", algorithm)
    signed, _, signature = proof.rpartition(b".")
    public = import_key(cast(Any, header["jwk"]))
    raw = urlsafe_b64decode(signature + b"=" * (-len(signature) % 4))
    assert JWSRegistry.algorithms[algorithm].verify(signed, raw, public)
    assert part(proof, 1) == {
        "jti": "n1",
        "htm": "GET",
        "htu": "https://api.example/x",
        "iat": 1_700_000_000,
        "ath": "hash",
        "nonce": "told",
    }


def test_a_proof_holds_nothing_of_the_private_key_and_names_no_key() -> None:
    text = json.loads(new_key("ES256")) | {"kid": "one", "use": "sig"}
    proof = ProofKey(SigningKey(json.dumps(text))).proof("GET", "https://api.example/x", 1, "n1")
    assert part(proof, 0)["jwk"] == {name: text[name] for name in ("kty", "crv", "x", "y")}
    assert part(proof, 1).keys() == {"jti", "htm", "htu", "iat"}


def test_the_thumbprint_is_that_of_the_public_key() -> None:
    text = json.loads(new_key("ES256"))
    members = json.dumps({name: text[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    wanted = urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).decode().rstrip("=")
    assert ProofKey(SigningKey(json.dumps(text))).thumbprint == wanted


def test_the_hash_of_a_token_is_the_one_of_the_rfc() -> None:
    """RFC 9449 §7.1 shows it."""
    token = b"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
    assert token_hash(token) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://a.example/token?tenant=1", "https://a.example/token"),
        ("https://a.example:8443/x#y", "https://a.example:8443/x"),
        ("https://a.example", "https://a.example/"),
    ],
)
def test_a_target_has_no_query_and_no_fragment(url: str, bare: str) -> None:
    assert bare_url(url) == bare


@pytest.mark.parametrize(
    ("target", "path"),
    [(b"/a%2Fb/../c?x=/y", "/a%2Fb/../c"), (b"/", "/"), (b"*", ""), (b"/\xc3\xa4%20?", "/%C3%A4%20")],
)
def test_a_path_is_the_one_that_was_sent(target: bytes, path: str) -> None:
    assert path_of(target) == path


@pytest.mark.parametrize(
    ("lines", "nonce"),
    [
        ([b"Date: x", b"DPoP-Nonce: abc-1~"], "abc-1~"),
        ([b"dpop-nonce:abc"], "abc"),
        ([b"DPoP-Nonce: "], None),
        ([b'DPoP-Nonce: a"b'], None),
        ([b"DPoP-Nonce: \xff"], None),
        ([b"DPoP-Nonce-X: abc"], None),
        ([b"DPoP-Nonce: " + b"a" * 1025], None),
    ],
)
def test_a_nonce_is_taken_where_it_can_be_sent_back(lines: list[bytes], nonce: str | None) -> None:
    assert said_nonce(lines) == nonce


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (b'WWW-Authenticate: DPoP error="use_dpop_nonce", algs="ES256"', True),
        (b"www-authenticate: Bearer, dpop error=USE_DPOP_NONCE", True),
        (b'WWW-Authenticate: DPoP error="invalid_token"', False),
        (b"X-Other: use_dpop_nonce", False),
    ],
)
def test_a_challenge_names_what_is_missing(line: bytes, wanted: bool) -> None:
    assert wants_nonce([line]) is wanted
