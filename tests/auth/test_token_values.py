import base64
import json

import pytest

from proxy.auth.token_values import is_token, jwt_lifetime, moment, number


def jwt(claims: object) -> str:
    content = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return f"e30.{base64.urlsafe_b64encode(content).decode().rstrip('=')}.c2ln"


@pytest.mark.parametrize("value", ["a", "a b", "~" * 65536])
def test_visible_ascii_of_a_length_that_a_field_can_have_is_a_token(value: str) -> None:
    assert is_token(value)


@pytest.mark.parametrize("value", ["", "a" * 65537, "a\r\nX: y", "a\x7f", "ä", "a\0", b"a", None, 7, ["a"], True])
def test_nothing_else_is_a_token(value: object) -> None:
    assert not is_token(value)


@pytest.mark.parametrize("left", [3600.0, 0.0, -5.0])
def test_what_is_left_of_a_jwt_is_up_to_its_end(left: float) -> None:
    assert jwt_lifetime(jwt({"exp": 1000.0 + left}), 1000.0) == left


@pytest.mark.parametrize("padding", range(4))
def test_the_claims_may_have_any_length(padding: int) -> None:
    assert jwt_lifetime(jwt({"exp": 1500, "sub": "x" * padding}), 1000.0) == 500


def test_an_end_in_text_is_one() -> None:
    assert jwt_lifetime(jwt({"exp": "1500"}), 1000.0) == 500


@pytest.mark.parametrize(
    "token",
    [
        "opaque", jwt({"exp": 1500}).rpartition(".")[0], jwt({"exp": 1500}) + ".x", "..", "e30.%%%.c2ln",
        jwt({}), jwt([1]), jwt(7), jwt(b"{"), jwt(b"\xff\xff"),
        jwt({"exp": None}), jwt({"exp": True}), jwt({"exp": "soon"}), jwt(b'{"exp": NaN}'), jwt(b'{"exp": 1e999}'),
        jwt({"exp": 10**400}), jwt(b"[" * 100_000),
    ],
)  # fmt: skip
def test_what_is_no_jwt_with_an_end_tells_nothing(token: str) -> None:
    assert jwt_lifetime(token, 1000.0) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1_700_000_000, 1_700_000_000.0),
        ("1700000000", 1_700_000_000.0),
        (1_700_000_000_500, 1_700_000_000.5),
        (1e11, 1e11),
        (1e11 + 1, 1e8 + 0.001),
        ("2023-11-14T22:13:20Z", 1_700_000_000.0),
        ("2023-11-14T23:13:20.500+01:00", 1_700_000_000.5),
    ],
)
def test_a_moment_is_in_seconds_milliseconds_or_iso_8601(value: object, seconds: float) -> None:
    assert moment(value) == pytest.approx(seconds, abs=1e-4)


@pytest.mark.parametrize("value", ["2023-11-14T22:13:20", "2023-11-14", "tomorrow", "", None, True, [1], {}])
def test_a_moment_that_could_be_two_or_none_is_not_guessed(value: object) -> None:
    assert moment(value) is None


@pytest.mark.parametrize(
    ("value", "found"), [(7, 7.0), (-1.5, -1.5), ("3600", 3600.0), (" 60 ", 60.0), ("1e3", 1000.0), (0, 0.0)]
)
def test_a_number_may_be_written_as_text(value: object, found: float) -> None:
    assert number(value) == found


@pytest.mark.parametrize("value", [True, "", "a", "nan", "inf", "-inf", float("inf"), 10**400, 1e15, -1e15, None, []])
def test_what_is_not_finite_or_no_number_is_none(value: object) -> None:
    assert number(value) is None
