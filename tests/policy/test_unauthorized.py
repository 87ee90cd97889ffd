import pytest

from proxy.policy.unauthorized import is_unauthorized


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        (401, []),
        (401, [b"WWW-Authenticate: Bearer"]),
        (401, [b'WWW-Authenticate: Bearer error="invalid_token"']),
        (403, [b'WWW-Authenticate: Bearer realm="a", error="invalid_token", error_description="expired"']),
        (403, [b"www-authenticate:Bearer error=invalid_token"]),
        (403, [b"X: y", b'WWW-AUTHENTICATE: Bearer ERROR = "Invalid_Token"']),
        (403, [b"WWW-Authenticate: Basic", b'WWW-Authenticate: Bearer error="invalid_token"']),
    ],
)
def test_these_mean_that_the_credential_was_not_accepted(status: int, lines: list[bytes]) -> None:
    assert is_unauthorized(status, lines)


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        (200, [b'WWW-Authenticate: Bearer error="invalid_token"']),
        (403, []),
        (403, [b"WWW-Authenticate: Bearer"]),
        (403, [b'X-Other: error="invalid_token"']),
        (403, [b'WWW-Authenticate: Bearer error_description="invalid_token"']),
        (403, [b'WWW-Authenticate: Bearer error="insufficient_scope"']),
        (401, [b'WWW-Authenticate: Bearer error="insufficient_scope", scope="admin"']),
        (407, [b'WWW-Authenticate: Bearer error="invalid_token"']),
    ],
)
def test_these_do_not(status: int, lines: list[bytes]) -> None:
    assert not is_unauthorized(status, lines)
