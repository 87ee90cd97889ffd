"""The options of profiles whose credential depends on the request.

What must not live here: signing (`proxy.auth`), what templates may name (`proxy.policy.signing_names`).
"""

import base64
import binascii
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from proxy.config.base import wrong
from proxy.config.profile import RenewableProfile, UserName
from proxy.config.secret_model import LiteralSecret, SecretRef
from proxy.config.units import Size
from proxy.config.values import FieldName, FieldValue, Hidden, Name, unique_fields

__all__ = [
    "S3_SERVICES",
    "AwsSigV4Profile",
    "DigestProfile",
    "HmacProfile",
    "KeyEncoding",
    "decoded_key",
    "is_access_key_id",
]

KeyEncoding = Literal["utf8", "hex", "base64"]


def decoded_key(text: str, encoding: KeyEncoding) -> bytes | None:
    """The key that `text` stands for; None where it is not of that encoding."""
    try:
        if encoding == "hex":
            return bytes.fromhex(text)
        if encoding == "base64":
            # Of both alphabets, with the padding or without it.
            plain = text.translate(str.maketrans("-_", "+/")).rstrip("=")
            return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None
    return text.encode()


class HmacProfile(RenewableProfile):
    """A keyed hash of a text that a template makes of the request."""

    type: Literal["hmac"] = Field(description="A keyed hash of a text that a template makes of the request.")
    key_encoding: KeyEncoding = Field("utf8", description="What the key's text is: utf8, hex or base64.")
    key: SecretRef = Field(description="The key.")
    algorithm: Literal["sha256", "sha384", "sha512"] = Field("sha256", description="Hash: sha256, sha384 or sha512.")
    sign: Hidden = Field(
        min_length=1,
        repr=False,
        description="Template of what is signed: `{{ method }}`, `{{ path }}`, `{{ query }}`, `{{ timestamp }}`, "
        "`{{ nonce }}`, `{{ content_sha256 }}`, `{{ header.NAME }}` and others.",
    )
    output: Literal["hex", "base64", "base64url"] = Field(
        "hex", description="How the signature is written: hex, base64 or base64url."
    )
    set: Annotated[dict[FieldName, FieldValue], AfterValidator(unique_fields)] = Field(
        min_length=1,
        repr=False,
        description="Field names and value templates, which may name `{{ signature }}` and what the signed text does.",
    )
    secrets: dict[Name, SecretRef] = Field({}, description="What templates may name as `{{ secret.NAME }}`.")
    max_content: Size = Field(2**20, description="Most content that is read ahead to be signed; more is refused.")

    @field_validator("key")
    @classmethod
    def _key_is_of_its_encoding(cls, key: SecretRef, info: ValidationInfo) -> SecretRef:
        encoding: KeyEncoding | None = info.data.get("key_encoding")
        if encoding and isinstance(key, LiteralSecret) and decoded_key(key.literal.reveal(), encoding) is None:
            raise wrong(f"the key is not {encoding}", "write the right key_encoding: utf8, hex or base64")
        return key


S3_SERVICES = ("s3", "s3-object-lambda", "s3-outposts", "s3express")
"""Where paths are names of objects, which are signed as they are."""

_SERVICE = r"[a-z0-9][a-z0-9.-]*"
_REGION = r"[a-z0-9][a-z0-9-]*"


def is_access_key_id(text: str) -> bool:
    """Whether `text` can stand in a signature's credential."""
    return re.fullmatch(r"[!#-+\--.0-~]+", text) is not None


class AwsSigV4Profile(RenewableProfile):
    """AWS Signature Version 4."""

    type: Literal["aws_sigv4"] = Field(description="AWS Signature Version 4.")
    service: str = Field(description="The service's name in signatures, such as s3, execute-api or dynamodb.")
    region: str = Field(description="The region's name, such as eu-central-1.")
    access_key_id: SecretRef = Field(description="The access key's id.")
    secret_access_key: SecretRef = Field(description="The secret access key.")
    session_token: SecretRef | None = Field(None, description="The token of temporary credentials.")
    payload: Literal["signed", "unsigned", "streaming"] = Field(
        "signed",
        description="How content is signed: signed (its hash, read ahead up to max_content), unsigned (S3 alone takes "
        "it, and only TLS protects it), or streaming (S3: signed chunk by chunk, at any size).",
    )
    max_content: Size = Field(8 * 2**20, description="Most content that is read ahead to be signed; more is refused.")

    @field_validator("service")
    @classmethod
    def _service_is_a_name(cls, service: str) -> str:
        if not re.fullmatch(_SERVICE, service):
            raise wrong("not a service's name", "write it as in endpoints, such as s3, execute-api or dynamodb")
        return service

    @field_validator("region")
    @classmethod
    def _region_is_a_name(cls, region: str) -> str:
        if not re.fullmatch(_REGION, region):
            raise wrong("not a region's name", "write it such as eu-central-1")
        return region

    @field_validator("access_key_id")
    @classmethod
    def _id_is_one(cls, identity: SecretRef) -> SecretRef:
        if isinstance(identity, LiteralSecret) and not is_access_key_id(identity.literal.reveal()):
            raise wrong(
                "not the id of an access key", "write the one that begins with AKIA or ASIA, not the secret key"
            )
        return identity

    @field_validator("payload")
    @classmethod
    def _service_takes_such_content(cls, payload: str, info: ValidationInfo) -> str:
        service = info.data.get("service")
        if payload != "signed" and service is not None and service not in S3_SERVICES:
            raise wrong(f"only S3 takes {payload} content", "write signed, or leave it out")
        return payload


class DigestProfile(RenewableProfile):
    """HTTP Digest (RFC 7616)."""

    type: Literal["digest"] = Field(description="HTTP Digest (RFC 7616).")
    username: UserName = Field(description="The user's name.")
    password: SecretRef = Field(description="The password.")
    max_content: Size = Field(
        2**20, description="Most content that is read ahead where the upstream wants it signed (auth-int)."
    )
