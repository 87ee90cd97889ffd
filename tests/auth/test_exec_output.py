import json
from datetime import UTC, datetime

import pytest

from proxy.auth import SecretUnavailable
from proxy.auth.exec_output import parse_output
from proxy.clock import NEVER

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC).timestamp()


def document(**status: object) -> bytes:
    return json.dumps(
        {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": status}
    ).encode()


def test_a_plain_token_lives_as_long_as_the_ttl() -> None:
    token = parse_output(b"abc\n", "it", 300, NOW)
    assert (token.secret.reveal(), token.lifetime) == ("abc", 300)


def test_a_plain_token_without_ttl_has_no_end() -> None:
    assert parse_output(b"abc", "it", 0, NOW).lifetime == NEVER


@pytest.mark.parametrize(
    "stamp", ["2030-01-31T13:00:00Z", "2030-01-31T14:00:00+01:00", "2030-01-31T13:00:00.000000000Z"]
)
def test_a_documents_expiry_wins_over_the_ttl(stamp: str) -> None:
    token = parse_output(document(token="abc", expirationTimestamp=stamp), "it", 300, NOW)
    assert (token.secret.reveal(), token.lifetime) == ("abc", 3600)


def test_a_document_without_expiry_lives_as_long_as_the_ttl() -> None:
    assert parse_output(document(token="abc"), "it", 300, NOW).lifetime == 300


@pytest.mark.parametrize(
    ("output", "why"),
    [
        (b"", "is empty"),
        (b"two\nlines", "a line end"),
        (b"{not json", "is none"),
        (b"{" * 100_000, "is none"),
        (b'{"token": "s3cret"}', "not an ExecCredential"),
        (b'{"kind": "ExecCredential"}', "without `status.token`"),
        (document(), "without `status.token`"),
        (document(token=7), "without `status.token`"),
        (document(token=""), "is empty"),
        (document(token="s3cret\r\nX: y"), "a line end"),
        (document(token="s3cret", expirationTimestamp="soon"), "not a time"),
        (document(token="s3cret", expirationTimestamp=7), "not a time"),
        (document(token="s3cret", expirationTimestamp="2030-01-31T13:00:00"), "not a time with its zone"),
        (document(token="s3cret", expirationTimestamp="2030-01-31T12:00:00Z"), "expired already"),
    ],
)
def test_output_that_is_no_token_is_refused_without_being_shown(output: bytes, why: str) -> None:
    with pytest.raises(SecretUnavailable) as caught:
        parse_output(output, "it", 300, NOW)
    assert why in str(caught.value)
    assert "s3cret" not in str(caught.value)
