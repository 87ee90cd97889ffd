"""What is signed is computed here with the standard library alone, from the words of the configuration."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.auth.hmac import HmacSigner, hmac_source
from proxy.auth.signer import SecretSigningSource
from proxy.config.signing_model import HmacProfile
from proxy.errors import ContentTooLarge, CredentialUnavailable
from tests.auth.signing import exchange, outgoing, signed
from tests.auth.tools import FakeClock, means, profile

Build = Callable[..., SecretSigningSource]


@pytest.fixture
def build(tmp_path: Path, clock: FakeClock) -> Build:
    def source(environ: dict[str, str] | None = None, **options: Any) -> SecretSigningSource:
        written = {"type": "hmac", "key": "k", "sign": "{{ target }}", "set": {"X-S": "{{ signature }}"}} | options
        found = profile(**written)
        assert isinstance(found, HmacProfile)
        return hmac_source("p", found, means(tmp_path, clock, environ, wall=FakeClock(1_700_000_000.5)))

    return source


def mac(text: bytes, key: bytes = b"k", algorithm: str = "sha256") -> str:
    return hmac.new(key, text, algorithm).hexdigest()


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_the_text_is_signed_with_each_algorithm(build: Build, algorithm: str) -> None:
    found = signed(build(algorithm=algorithm), outgoing(target=b"/v1/a?b=%20"))
    assert found == {"X-S": mac(b"/v1/a?b=%20", algorithm=algorithm)}


@pytest.mark.parametrize(
    ("encoding", "key"),
    [("utf8", "kéy"), ("hex", "00ff10"), ("base64", "AP8Q+w=="), ("base64", "AP8Q-w")],
)
def test_the_key_is_what_its_encoding_says(build: Build, encoding: str, key: str) -> None:
    raw = {"utf8": key.encode(), "hex": b"\x00\xff\x10", "base64": b"\x00\xff\x10\xfb"}[encoding]
    assert signed(build(key=key, key_encoding=encoding), outgoing()) == {"X-S": mac(b"/", raw)}


@pytest.mark.parametrize(
    ("output", "write"),
    [
        ("base64", base64.b64encode),
        ("base64url", lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=")),
        ("hex", lambda raw: raw.hex().encode()),
    ],
)
def test_the_signature_is_written_as_the_output_says(
    build: Build, output: str, write: Callable[[bytes], bytes]
) -> None:
    raw = hmac.new(b"k", b"/", "sha256").digest()
    assert signed(build(output=output), outgoing()) == {"X-S": write(raw).decode()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "POST"),
        ("path", "/v1/a%2Fb"),
        ("query", "z=1&a=%C3%A9&a=b"),
        ("query_sorted", "a=%C3%A9&a=b&z=1"),
        ("target", "/v1/a%2Fb?z=1&a=%C3%A9&a=b"),
        ("host", "api.example"),
        ("scheme", "https"),
        ("timestamp", "1700000000"),
        ("timestamp_ms", "1700000000500"),
        ("timestamp_iso", "2023-11-14T22:13:20Z"),
        ("date", "Tue, 14 Nov 2023 22:13:20 GMT"),
        ("header.X-Trace", "one, two"),
        ("header.absent", ""),
        ("content_length", "3"),
        ("content_sha256", hashlib.sha256(b"\xff\x00a").hexdigest()),
        ("content_sha512", hashlib.sha512(b"\xff\x00a").hexdigest()),
        ("content_sha256_base64", base64.b64encode(hashlib.sha256(b"\xff\x00a").digest()).decode()),
        ("content_md5_base64", base64.b64encode(hashlib.md5(b"\xff\x00a").digest()).decode()),
        ("method | lower", "post"),
        ("header.x-trace | upper", "ONE, TWO"),
    ],
)
def test_a_name_stands_for_the_request_as_it_is_sent(build: Build, name: str, value: str) -> None:
    request = outgoing(
        "POST",
        b"/v1/a%2Fb?z=1&a=%C3%A9&a=b",
        fields=[(b"X-Trace", b"one"), (b"x-trace", b"two")],
        content=b"\xff\x00a",
    )
    # The length keeps a name without a value from being a template without a text.
    held = build(sign=f"{{{{ {name} }}}}.", set={"X-V": f"[{{{{ {name} }}}}]", "X-S": "{{ signature }}"})
    assert signed(held, request) == {"X-V": f"[{value}]", "X-S": mac(f"{value}.".encode())}


def test_content_that_is_no_text_is_signed_byte_for_byte(build: Build) -> None:
    held = build(sign="{{ timestamp }}.{{ content }}")
    assert signed(held, outgoing(content=b"\xff\x80\r\n")) == {"X-S": mac(b"1700000000.\xff\x80\r\n")}


def test_a_nonce_is_the_same_within_a_request_and_another_in_the_next(build: Build) -> None:
    held = build(sign="{{ nonce }}", set={"X-N": "{{ nonce }}", "X-S": "{{ signature }}"})
    first, second = signed(held, outgoing()), signed(held, outgoing())
    assert first["X-S"] == mac(first["X-N"].encode())
    assert first["X-N"] != second["X-N"]


def test_templates_may_name_secrets(build: Build) -> None:
    held = build(
        {"ID": "id-1"},
        sign="{{ secret.id }}{{ path }}",
        set={"X-S": "{{ secret.id }}:{{ signature }}"},
        secrets={"id": {"env": "ID"}, "unused": {"env": "ABSENT"}},
    )
    assert signed(held, outgoing()) == {"X-S": f"id-1:{mac(b'id-1/')}"}


async def test_a_key_of_another_encoding_is_told_without_it(build: Build) -> None:
    held = build({"KEY": "not-hex"}, key={"env": "KEY"}, key_encoding="hex")
    with pytest.raises(CredentialUnavailable, match="the key is not hex") as refused:
        await held.current()
    assert "not-hex" not in str(refused.value)


def test_content_over_the_cap_is_refused(build: Build) -> None:
    held = build(sign="{{ content_sha256 }}", max_content="2B")
    assert held.signer is not None
    assert held.signer.wants_content(exchange(outgoing())) == 2
    for content in (None, b"abc"):
        with pytest.raises(ContentTooLarge, match="max_content") as refused:
            signed(held, outgoing(content=content))
        assert refused.value.stage == "sign"


def test_content_that_nothing_names_is_not_read(build: Build) -> None:
    held = build()
    assert held.signer is not None
    assert held.signer.wants_content(exchange(outgoing())) == 0
    assert signed(held, outgoing(content=None)) == {"X-S": mac(b"/")}


def test_a_value_that_a_field_cannot_carry_is_refused(build: Build) -> None:
    held = build({"ID": "a\x1bb"}, set={"X-S": "{{ secret.id }}{{ signature }}"}, secrets={"id": {"env": "ID"}})
    with pytest.raises(CredentialUnavailable, match="field X-S has a control character"):
        signed(held, outgoing())


def test_it_owns_the_fields_that_it_sets(build: Build) -> None:
    assert build(set={"X_Sig": "{{ signature }}", "Date": "{{ date }}"}).strip == {b"x-sig", b"date"}


def test_what_it_keeps_of_a_key_prints_nothing(build: Build) -> None:
    held = build(key="canary")
    assert "canary" not in repr(held.peek(0.0))
    assert isinstance(held.signer, HmacSigner)


def test_a_template_that_is_wrong_is_not_built(build: Build) -> None:
    with pytest.raises(ValueError, match="names nothing of the request"):
        build(sign="constant")
