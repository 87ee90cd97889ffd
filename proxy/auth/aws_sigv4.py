"""Scheme `aws_sigv4`: requests signed with AWS Signature Version 4.

What must not live here: the rules of the signature (`proxy.policy.sigv4`), when a request is signed.
"""

import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from proxy.auth.field import owned
from proxy.auth.means import Means
from proxy.auth.secret_rules import SecretUnavailable
from proxy.auth.signer import Outgoing, SecretSigningSource
from proxy.auth.sigv4_chunks import CHUNK, SignedChunks
from proxy.auth.source import PreparedInjection
from proxy.clock import Clock
from proxy.config.signing_model import S3_SERVICES, AwsSigV4Profile, is_access_key_id
from proxy.errors import BadRequest, ContentTooLarge
from proxy.message import Exchange, Response
from proxy.message.exchange import Injection
from proxy.policy import sigv4
from proxy.policy.fields import canonical
from proxy.policy.retry_after import http_date
from proxy.secret import Secret

__all__ = ["SigV4Signer", "aws_sigv4_source"]

UNSIGNED = "UNSIGNED-PAYLOAD"
CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

_HASH = re.compile(rb"[0-9a-f]{64}")
_SIGNED_TOO = frozenset({b"content-type", b"content-md5", b"content-encoding"})
_MOST_SKEW = 240.0
"""Seconds by which a clock may differ before AWS, which allows five minutes, minds."""


def aws_sigv4_source(name: str, profile: AwsSigV4Profile, means: Means) -> SecretSigningSource:
    readers = [means.open(profile.access_key_id), means.open(profile.secret_access_key)]
    if profile.session_token is not None:
        readers.append(means.open(profile.session_token))
    names = ["Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"]
    if profile.payload == "streaming":
        names += ["Content-Encoding", "X-Amz-Decoded-Content-Length"]
    signer = SigV4Signer(name, profile, means.wall)
    return SecretSigningSource(readers, _prepare, means.clock, signer, owned(*names))


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class _Key(PreparedInjection):
    identity: str
    secret: Secret
    token: Secret | None


def _prepare(values: Sequence[Secret]) -> _Key:
    identity = values[0].reveal()
    if not is_access_key_id(identity):
        raise SecretUnavailable("the access key's id has characters that none has; it may be another secret")
    return _Key(identity=identity, secret=values[1], token=values[2] if len(values) > 2 else None)


class SigV4Signer:
    """`wall` is wall time; how far the upstream's clock is from it is learned from refusals."""

    __slots__ = (
        "_cap",
        "_derived",
        "_mode",
        "_name",
        "_offset",
        "_region",
        "_s3",
        "_scope_end",
        "_second",
        "_service",
        "_wall",
    )

    def __init__(self, name: str, profile: AwsSigV4Profile, wall: Clock) -> None:
        self._name = name
        self._wall = wall
        self._service = profile.service
        self._region = profile.region
        self._scope_end = f"/{profile.region}/{profile.service}/aws4_request"
        self._s3 = profile.service in S3_SERVICES
        self._mode = profile.payload
        self._cap = profile.max_content
        self._offset = 0.0
        self._second = (-1, "")
        self._derived: tuple[Injection, str, bytes] | None = None

    def wants_content(self, exchange: Exchange) -> int:
        content = exchange.content
        if content is None or self._mode == "unsigned" or _declared(exchange) is not None:
            return 0
        # What fits in one chunk is signed as a whole, and so is what comes without its length, which S3 needs.
        if self._mode == "streaming" and content.length is not None:
            return CHUNK if content.length <= CHUNK else 0
        return max(self._cap, 1)

    def sign(self, exchange: Exchange, outgoing: Outgoing, key: Injection) -> Injection:
        assert isinstance(key, _Key)
        moment = self._moment(int(self._wall() + self._offset))
        content_hash = self._content_hash(exchange, outgoing)
        own = [(b"X-Amz-Date", moment.encode()), (b"X-Amz-Content-Sha256", content_hash.encode())]
        if key.token is not None:
            own.append((b"X-Amz-Security-Token", key.token.reveal().encode()))
        if self._mode == "streaming":
            own += _streaming_fields(exchange, content_hash)
        fields = [(b"host", outgoing.host), *own, *(field for field in outgoing.fields if _is_signed(field[0]))]
        lines, names = sigv4.canonical_fields(fields)
        request = sigv4.canonical_request(
            outgoing.method,
            sigv4.canonical_path(outgoing.path, s3=self._s3),
            sigv4.canonical_query(outgoing.query),
            lines,
            names,
            content_hash,
        )
        scope = moment[:8] + self._scope_end
        signature = sigv4.sign_request(self._derived_key(key, moment[:8]), moment, scope, request)
        content = exchange.content
        if content_hash is CHUNKS and content is not None and content.length is not None:
            exchange.content = SignedChunks(content, content.length, signature)
        credential = f"{sigv4.ALGORITHM} Credential={key.identity}/{scope}, SignedHeaders={names.decode()}, "
        own.append((b"Authorization", f"{credential}Signature={signature.value}".encode()))
        return PreparedInjection(lines=b"".join(name + b": " + value + b"\r\n" for name, value in own))

    def answered(self, signed: Injection, response: Response) -> None:
        """Learns the upstream's time from a refusal, for the requests that follow."""
        if response.status not in (400, 403) or (date := response.get(b"date")) is None:
            return
        told = http_date(date)
        if told is not None and abs(told - self._wall() - self._offset) > _MOST_SKEW:
            self._offset = told - self._wall()

    def _moment(self, now: int) -> str:
        if now != self._second[0]:
            self._second = now, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        return self._second[1]

    def _derived_key(self, key: _Key, date: str) -> bytes:
        if self._derived is None or self._derived[0] is not key or self._derived[1] != date:
            derived = sigv4.derived_key(key.secret.reveal(), date, self._region, self._service)
            self._derived = (key, date, derived)
        return self._derived[2]

    def _content_hash(self, exchange: Exchange, outgoing: Outgoing) -> str:
        if (declared := _declared(exchange)) is not None:
            return declared
        if exchange.content is None:
            return sigv4.EMPTY_HASH
        if self._mode == "unsigned":
            return UNSIGNED
        if outgoing.content is not None and (len(outgoing.content) <= self._cap or self._mode == "streaming"):
            return hashlib.sha256(outgoing.content).hexdigest()
        if self._mode == "streaming" and exchange.content.length is not None:
            return CHUNKS
        raise ContentTooLarge(
            f"The profile {self._name} signs the content, and reads at most {self._cap} bytes of it ahead; send its "
            "hash as X-Amz-Content-Sha256, or see the profile's options payload and max_content.",
            stage="sign",
        )


def _is_signed(name: bytes) -> bool:
    name = name.lower()
    return name in _SIGNED_TOO or name.startswith(b"x-amz-")


def _declared(exchange: Exchange) -> str | None:
    """What the caller says of its content: its hash, which the upstream verifies, or that a checksum trails it."""
    value = exchange.get(b"x-amz-content-sha256")
    if value is None or value == UNSIGNED.encode():
        return None
    if _HASH.fullmatch(value) or value == UNSIGNED_CHUNKS.encode():
        return value.decode()
    if value.startswith(b"STREAMING-"):
        raise BadRequest(
            "The content is signed in chunks with a key of the caller's, which the upstream does not know; "
            "have the client send it unsigned, or with its hash.",
            stage="sign",
        )
    return None


def _streaming_fields(exchange: Exchange, content_hash: str) -> list[tuple[bytes, bytes]]:
    """The two fields of a caller's that change where chunks are signed, and stay as they were elsewhere."""
    codings = [value for name, value in exchange.fields if canonical(name) == b"content-encoding"]
    content = exchange.content
    if content_hash == CHUNKS and content is not None:
        return [
            (b"Content-Encoding", b",".join([b"aws-chunked", *codings])),
            (b"X-Amz-Decoded-Content-Length", b"%d" % (content.length or 0)),
        ]
    fields = [(b"Content-Encoding", b",".join(codings))] if codings else []
    decoded = exchange.get(b"x-amz-decoded-content-length")
    if decoded is not None:
        fields.append((b"X-Amz-Decoded-Content-Length", decoded))
    return fields
