import pytest

from proxy.policy.masking import masked_fields, masked_target
from proxy.secret import REDACTED

NONE = frozenset[bytes]()
SECRETIVE = [
    b"Authorization", b"Proxy-Authorization", b"Cookie", b"Set-Cookie", b"X-Api-Key", b"Idempotency-Key", b"Location",
    b"X-Never-Heard-Of", b"WWW-Authenticate", b"Referer", b"Content-Disposition", b"X_Api_Key",
]  # fmt: skip


@pytest.mark.parametrize("name", SECRETIVE)
def test_the_value_of_a_field_that_is_not_known_to_be_harmless_is_masked(name: bytes) -> None:
    assert masked_fields([(name, b"canary")], NONE) == [f"{name.decode()}: {REDACTED}"]


@pytest.mark.parametrize("name", [b"Content-Type", b"ACCEPT", b"date"])
def test_the_value_of_a_harmless_field_is_shown(name: bytes) -> None:
    assert masked_fields([(name, b" shown ")], NONE) == [f"{name.decode()}: shown"]


def test_a_harmless_field_that_holds_a_credential_is_masked() -> None:
    assert masked_fields([(b"User_Agent", b"canary")], frozenset({b"user-agent"})) == [f"User_Agent: {REDACTED}"]


def test_a_value_of_unusual_length_is_masked() -> None:
    assert masked_fields([(b"Accept", b"x" * 201)], NONE) == [f"Accept: {REDACTED}"]


@pytest.mark.parametrize("query", [b"?canary", b"?key=canary", b"?canary=", b"?a=b&canary=1?x"])
def test_a_query_is_masked_whole(query: bytes) -> None:
    assert masked_target(b"/path" + query) == f"/path?{REDACTED}"


def test_what_is_no_visible_character_is_escaped() -> None:
    assert masked_target(b"/a\x1b\r\n\xff") == "/a\\x1b\\x0d\\x0a\\xff"
    assert masked_fields([(b"Accept", b"a\tb\xc3\xa4")], NONE) == ["Accept: a\\x09b\\xc3\\xa4"]


def test_a_long_path_is_cut() -> None:
    assert len(masked_target(b"/" + b"x" * 10_000)) < 1100
