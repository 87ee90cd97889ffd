import pytest

from proxy.auth import SecretUnavailable
from proxy.auth.field import cookie_value, field_line, owned, token_line


def test_owned_names_are_canonical() -> None:
    assert owned("X_Api-Key", "AUTHORIZATION") == {b"x-api-key", b"authorization"}


def test_a_value_is_written_in_utf8() -> None:
    assert field_line("X-Key", "ä\tb") == b"X-Key: \xc3\xa4\tb\r\n"


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\x1b", "\x7f"])
def test_a_value_that_a_field_cannot_carry_is_refused_without_being_shown(character: str) -> None:
    with pytest.raises(SecretUnavailable, match="field X-Key has a control character") as caught:
        field_line("X-Key", f"s3cret{character}x")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("scheme", "line"), [("Token", b"A: Token t\r\n"), ("", b"A: t\r\n")])
def test_a_token_stands_after_its_scheme_unless_there_is_none(scheme: str, line: bytes) -> None:
    assert token_line("A", scheme, "t") == line


@pytest.mark.parametrize("value", ["abc", "a=b==", "a/b:c", '"quoted"', "[x]~"])
def test_a_cookie_carries_its_octets_unchanged(value: str) -> None:
    assert cookie_value("sid", value) == f"sid={value}".encode()


@pytest.mark.parametrize("value", ["a;b", "a b", "a,b", 'a"b', "a\\b", "a\r", "ä"])
def test_a_value_that_would_end_a_cookie_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(SecretUnavailable, match="cookie sid") as caught:
        cookie_value("sid", f"s3cret{value}")
    assert "s3cret" not in str(caught.value)
