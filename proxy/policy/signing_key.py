"""Private keys that sign JSON Web Tokens: what is taken for one, and which algorithms it can sign with.

Pure; the libraries are loaded with the first key, because most configurations have none. No error repeats a word of
the key. What must not live here: which claims are signed, where a key is found.
"""

import json
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

__all__ = ["ALGORITHMS", "KeyUnfit", "SigningKey", "new_key"]

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_OF_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
_LEAST_BITS = 2048


class KeyUnfit(ValueError):
    """This text is no key to sign with, or not with this algorithm. It says what would be right."""


class SigningKey:
    """A private key, from PEM or from a JSON Web Key. Raises KeyUnfit.

    `algorithm` is the one asked for, or the usual one of the key's kind. Where nothing names the key, `key_id` is the
    one in the JWK.
    """

    __slots__ = ("_key", "algorithm", "key_id")

    def __init__(self, text: str, algorithm: str | None = None) -> None:
        self._key = _of_jwk(text) if text.lstrip().startswith("{") else _of_pem(text)
        fitting = _fitting(self._key)
        self.algorithm = algorithm or fitting[0]
        if self.algorithm not in fitting:
            raise KeyUnfit(f"this key signs with {' or '.join(fitting)}, not with {algorithm}")
        self.key_id = self._key.kid

    @property
    def public(self) -> dict[str, Any]:
        """The public half as a JSON Web Key, with nothing in it but the key."""
        members = self._key.as_dict(private=False)
        return {name: members[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in members}

    @property
    def thumbprint(self) -> str:
        """The key's name that anybody can compute (RFC 7638)."""
        return self._key.thumbprint()

    def sign_bytes(self, data: bytes) -> bytes:
        """The signature alone, in the form in which it stands in a JWT."""
        from joserfc.jws import JWSRegistry

        return JWSRegistry.algorithms[self.algorithm].sign(data, self._key)

    def sign(self, claims: Mapping[str, Any], header: Mapping[str, Any]) -> str:
        """The compact form of a JWT; `header` adds to the algorithm."""
        from joserfc import jwt
        from joserfc.errors import SecurityWarning

        with warnings.catch_warnings():
            # EdDSA has a newer name (RFC 9864), which servers do not know yet.
            warnings.simplefilter("ignore", SecurityWarning)
            return jwt.encode({**header, "alg": self.algorithm}, dict(claims), self._key, algorithms=[self.algorithm])


def new_key(algorithm: str) -> str:
    """A private key, made now, that signs with one of `ALGORITHMS`, as a JSON Web Key."""
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    curve = next((curve for curve, fitting in _OF_CURVE.items() if fitting == algorithm), None)
    key: RSAKey | ECKey | OKPKey
    if curve is None:
        key = RSAKey.generate_key(_LEAST_BITS)
    elif curve == "Ed25519":
        key = OKPKey.generate_key("Ed25519")
    else:
        key = ECKey.generate_key(curve)
    return json.dumps(key.as_dict(private=True))


def _of_pem(text: str) -> "RSAKey | ECKey | OKPKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    data = text.encode()
    try:
        key = load_pem_private_key(data, None)
    except TypeError:
        raise KeyUnfit(
            "the key is encrypted with a password; write it without one, readable to Outrider alone"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyUnfit(
            "this is no private key; write a PEM file that begins with -----BEGIN PRIVATE KEY-----"
        ) from None
    match key:
        case rsa.RSAPrivateKey() if key.key_size >= _LEAST_BITS:
            return RSAKey.import_key(data)
        case rsa.RSAPrivateKey():
            raise KeyUnfit(f"an RSA key has {_LEAST_BITS} bits at least, this one has {key.key_size}")
        case ec.EllipticCurvePrivateKey():
            return ECKey.import_key(data)
        case ed25519.Ed25519PrivateKey():
            return OKPKey.import_key(data)
        case _:
            raise KeyUnfit("a key of this kind signs no JWT; write one of RSA, EC or Ed25519")


def _of_jwk(text: str) -> "RSAKey | ECKey | OKPKey":
    from joserfc.errors import JoseError
    from joserfc.jwk import OctKey, import_key

    try:
        key = import_key(json.loads(text))
    except (JoseError, ValueError, KeyError, TypeError, RecursionError):
        raise KeyUnfit("this is no JSON Web Key") from None
    if isinstance(key, OctKey):
        raise KeyUnfit("a symmetric key proves nothing that a client_secret does not; write a private key")
    if not key.is_private:
        raise KeyUnfit("this is a public key; write the private one")
    return key


def _fitting(key: "RSAKey | ECKey | OKPKey") -> list[str]:
    """The algorithms that the key signs with, the usual one first."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    if isinstance(key.raw_value, rsa.RSAPrivateKey):
        bits = key.raw_value.key_size
        if bits < _LEAST_BITS:
            raise KeyUnfit(f"an RSA key has {_LEAST_BITS} bits at least, this one has {bits}")
        return [name for name in ALGORITHMS if name[:2] in ("RS", "PS")]
    curve = str(key.as_dict(private=False).get("crv"))
    if curve not in _OF_CURVE:
        raise KeyUnfit(f"a key of this curve signs no JWT; write one of {', '.join(_OF_CURVE)}")
    return [_OF_CURVE[curve]]
