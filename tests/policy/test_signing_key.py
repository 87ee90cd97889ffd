import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from proxy.policy.signing_key import ALGORITHMS, KeyUnfit, SigningKey

RSA = rsa.generate_private_key(65537, 2048)


def pem(key: Any, encryption: Any = None) -> str:
    found: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return found.decode()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_signed_is_verified_by_the_public_key(algorithm: str) -> None:
    curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
    key: Any = RSA
    if algorithm in curves:
        key = ec.generate_private_key(curves[algorithm])
    elif algorithm == "EdDSA":
        key = ed25519.Ed25519PrivateKey.generate()
    signed = SigningKey(pem(key), algorithm).sign({"sub": "me"}, {"kid": "k"})
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    kind = {"R": RSAKey, "P": RSAKey}.get(algorithm[0], OKPKey if algorithm == "EdDSA" else ECKey)
    token = jwt.decode(signed, kind.import_key(public), algorithms=[algorithm])
    assert (token.claims, token.header["kid"], token.header["alg"]) == ({"sub": "me"}, "k", algorithm)


@pytest.mark.parametrize(("key", "usual"), [(RSA, "RS256"), (ec.generate_private_key(ec.SECP384R1()), "ES384")])
def test_the_usual_algorithm_follows_from_the_key(key: Any, usual: str) -> None:
    assert SigningKey(pem(key)).algorithm == usual


def test_a_json_web_key_brings_its_name() -> None:
    key = ECKey.generate_key("P-256", {"kid": "named"}, auto_kid=False)
    made = SigningKey(json.dumps(key.as_dict(private=True)))
    assert (made.algorithm, made.key_id) == ("ES256", "named")


@pytest.mark.parametrize(
    ("text", "algorithm", "what"),
    [
        ("s3cret", None, "no private key"),
        (pem(RSA).replace("A", "B"), None, "no private key"),
        (pem(RSA, BestAvailableEncryption(b"pw")), None, "encrypted"),
        (pem(RSA), "ES256", "signs with RS256 or RS384 .* not with ES256"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "ES384", "signs with ES256, not with ES384"),
        (pem(ec.generate_private_key(ec.SECP256K1())), None, "of this curve"),
        (pem(dsa.generate_private_key(2048)), None, "of this kind"),
        (pem(rsa.generate_private_key(65537, 1024)), None, "2048 bits at least"),
        ('{"kty": "s3cret"}', None, "no JSON Web Key"),
        ("{s3cret", None, "no JSON Web Key"),
        (json.dumps(OctKey.generate_key(256).as_dict(private=True)), None, "symmetric"),
        (json.dumps(ECKey.generate_key("P-256").as_dict(private=False)), None, "public key"),
    ],
    # Keys are new in every process, and names must be the same in all of them.
    ids=map(str, range(12)),
)
def test_what_is_no_key_to_sign_with_is_told_without_a_word_of_it(text: str, algorithm: str | None, what: str) -> None:
    with pytest.raises(KeyUnfit, match=what) as caught:
        SigningKey(text, algorithm)
    assert "s3cret" not in str(caught.value)
