"""The options of profiles whose credential depends on the request.

What must not live here: signing (`proxy.auth`), what templates may name (`proxy.policy.signing_names`).
"""

import base64
import binascii
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from proxy.config.base import wrong
from proxy.config.profile import RenewableProfile
from proxy.config.secret_model import LiteralSecret, SecretRef
from proxy.config.units import Size
from proxy.config.values import FieldName, FieldValue, Hidden, Name, unique_fields

__all__ = ["HmacProfile", "KeyEncoding", "decoded_key"]

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
