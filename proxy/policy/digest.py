"""HTTP Digest (RFC 7616): reading challenges, and the answer to one.

Pure. `SHA-512`, which the RFC does not know but servers offer, is known too. What must not live here: counting, which
challenge is current.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

__all__ = ["Challenge", "answer", "hashed", "next_nonce", "read_challenge", "secret_hash"]

_CHALLENGE = b"www-authenticate:"
_INFO = b"authentication-info:"
_PART = re.compile(
    r"[\s,]*(?:([!#$%&'*+\-.^_`|~\w]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]+))(?=\s*(?:,|$))"
    r"|([!#$%&'*+\-.^_`|~\w]+)(?:\s+[\w\-.~+/]+=*(?=\s*(?:,|$)))?(?=[\s,]|$))",
    re.ASCII,
)

_HASHES: Mapping[str, Callable[[bytes], str]] = {
    "SHA-512-256": lambda data: hashlib.new("sha512_256", data).hexdigest(),
    "SHA-512": lambda data: hashlib.sha512(data).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}
"""The strongest first."""

_STRENGTH = {name: rank for rank, name in enumerate(_HASHES)}


@dataclass(frozen=True, slots=True)
class Challenge:
    """`algorithm` is as the server wrote it, empty where it did not; `qop` is the one that is answered with."""

    realm: str
    nonce: str
    opaque: str | None
    algorithm: str
    qop: str
    stale: bool
    userhash: bool
    utf8: bool

    @property
    def hash(self) -> str:
        return _hash_name(self.algorithm)

    @property
    def is_session(self) -> bool:
        return self.algorithm.upper().endswith("-SESS")


def read_challenge(lines: Iterable[bytes]) -> Challenge | None:
    """The strongest Digest challenge of an answer that can be answered, or None."""
    found = [
        challenge
        for line in lines
        if line[: len(_CHALLENGE)].lower() == _CHALLENGE
        for scheme, parameters in _challenges(line[len(_CHALLENGE) :].decode("latin-1"))
        if scheme == "digest" and (challenge := _challenge(parameters)) is not None
    ]
    return min(found, key=lambda challenge: _STRENGTH[challenge.hash], default=None)


def next_nonce(lines: Iterable[bytes]) -> str | None:
    """The nonce that an answer names for the next request (RFC 7616 §3.5)."""
    for line in lines:
        if line[: len(_INFO)].lower() == _INFO:
            for _, parameters in _challenges("x " + line[len(_INFO) :].decode("latin-1")):
                return parameters.get("nextnonce")
    return None


def _challenges(value: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Schemes with their parameters, names in lower case (RFC 9110 §11.6.1)."""
    scheme, parameters = "", dict[str, str]()
    for match in _PART.finditer(value):
        name, quoted, plain, word = match.groups()
        if word is not None:
            if scheme:
                yield scheme, parameters
            scheme, parameters = word.lower(), {}
        else:
            text = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            parameters.setdefault(name.lower(), text)
    if scheme:
        yield scheme, parameters


def _challenge(parameters: Mapping[str, str]) -> Challenge | None:
    algorithm = parameters.get("algorithm", "")
    offered = {word.strip().lower() for word in parameters.get("qop", "").split(",") if word.strip()}
    if "nonce" not in parameters or _hash_name(algorithm) not in _HASHES:
        return None
    qop = "auth" if "auth" in offered else "auth-int" if "auth-int" in offered else ""
    if offered and not qop:
        return None
    return Challenge(
        realm=parameters.get("realm", ""),
        nonce=parameters["nonce"],
        opaque=parameters.get("opaque"),
        algorithm=algorithm,
        qop=qop,
        stale=parameters.get("stale", "").lower() == "true",
        userhash=parameters.get("userhash", "").lower() == "true",
        utf8=parameters.get("charset", "").upper() == "UTF-8",
    )


def _hash_name(algorithm: str) -> str:
    return algorithm.upper().removesuffix("-SESS") or "MD5"


def hashed(challenge: Challenge, data: bytes) -> str:
    return _HASHES[challenge.hash](data)


def secret_hash(challenge: Challenge, username: str, password: str, cnonce: str) -> str:
    """What stands for the password while the nonce and the client's own are the same (RFC 7616 §3.4.2)."""
    digest = hashed(challenge, f"{username}:{_latin(challenge.realm)}:{password}".encode(errors="surrogateescape"))
    if challenge.is_session:
        digest = hashed(challenge, f"{digest}:{challenge.nonce}:{cnonce}".encode())
    return digest


def _latin(text: str) -> str:
    """A realm that was read byte by byte, so that encoding it as UTF-8 brings the same bytes."""
    return text.encode("latin-1").decode("utf-8", "surrogateescape")


def answer(
    challenge: Challenge,
    username: str,
    proof: str,
    request: tuple[str, bytes, bytes],
    count: int,
    cnonce: str,
) -> bytes:
    """The value of `Authorization`. `proof` is the `secret_hash`; `request` is method, target and content."""
    method, target, content = request
    digest = partial(hashed, challenge)
    acted = method.encode() + b":" + target
    if challenge.qop == "auth-int":
        acted += b":" + digest(content).encode()
    middle = f"{count:08x}:{cnonce}:{challenge.qop}:" if challenge.qop else ""
    response = digest(f"{proof}:{challenge.nonce}:{middle}{digest(acted)}".encode("latin-1"))
    parts = [
        _name(challenge, username),
        f'realm="{_quoted(challenge.realm)}"',
        f'nonce="{_quoted(challenge.nonce)}"',
        f'uri="{_quoted(target.decode("latin-1"))}"',
        f'response="{response}"',
    ]
    if challenge.opaque is not None:
        parts.append(f'opaque="{_quoted(challenge.opaque)}"')
    if challenge.algorithm:
        parts.append(f"algorithm={challenge.algorithm}")
    if challenge.qop:
        parts.append(f'qop={challenge.qop}, nc={count:08x}, cnonce="{cnonce}"')
    if challenge.userhash:
        parts.append("userhash=true")
    return b"Digest " + ", ".join(parts).encode("latin-1")


def _name(challenge: Challenge, username: str) -> str:
    if challenge.userhash:
        return (
            f'username="{hashed(challenge, f"{username}:{_latin(challenge.realm)}".encode(errors="surrogateescape"))}"'
        )
    if challenge.utf8 and not username.isascii():
        return f"username*=UTF-8''{quote(username, safe='')}"
    return f'username="{_quoted(username.encode().decode("latin-1"))}"'


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
