from typing import Any

import pytest
from pydantic import ValidationError

from proxy.config.oauth2_model import OAuth2Profile

USUAL = {
    "type": "oauth2",
    "grant": "client_credentials",
    "token_url": "https://login.example/token",
    "client_id": "c",
    "client_secret": "s3cret",
}
PERSON = USUAL | {"grant": "refresh_token", "refresh_token": "r3fresh"}


def parse(written: dict[str, Any]) -> OAuth2Profile:
    return OAuth2Profile.model_validate(written)


@pytest.mark.parametrize(
    ("written", "how"),
    [
        (USUAL, "client_secret_basic"),
        (USUAL | {"client_auth": "client_secret_post"}, "client_secret_post"),
        (PERSON | {"client_secret": None}, "none"),
        (PERSON | {"client_secret": None, "client_auth": "none"}, "none"),
    ],
)
def test_how_the_client_proves_itself_follows_from_what_it_has(written: dict[str, Any], how: str) -> None:
    assert parse(written).client_authentication == how


@pytest.mark.parametrize("scope", ["read write", ["read", "write"]])
def test_scopes_are_one_text_or_a_list(scope: object) -> None:
    assert " ".join(parse(USUAL | {"scope": scope}).scopes) == "read write"


@pytest.mark.parametrize(
    ("written", "what"),
    [
        (PERSON | {"refresh_token": None}, "has no refresh_token"),
        (USUAL | {"refresh_token": "r"}, "only the grant refresh_token"),
        (USUAL | {"client_secret": None}, "wants a client that proves"),
        (USUAL | {"client_secret": None, "client_auth": "client_secret_post"}, "wants a client_secret"),
        (PERSON | {"client_auth": "none"}, "sends no client_secret"),
        (USUAL | {"parameters": {"scope": "x"}}, "an option of its own"),
        (USUAL | {"token_url": "https://login.example/#x"}, "no fragment"),
        (USUAL | {"token_url": "https://u:p@login.example/"}, "no user and no password"),
        (USUAL | {"token_url": "ftp://login.example/"}, "must begin with http"),
        (USUAL | {"headers": {"Content-Length": "1"}}, "belongs to the connection"),
        (USUAL | {"grant": "password"}, "client_credentials"),
    ],
)
def test_parts_that_do_not_fit_are_refused(written: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what) as caught:
        parse(written)
    assert "s3cret" not in str(caught.value)


def test_a_token_url_may_have_a_query() -> None:
    url = "https://login.example/token?tenant=1"
    assert parse(USUAL | {"token_url": url}).token_url == url


def test_nothing_secret_is_printed() -> None:
    profile = parse(PERSON | {"parameters": {"pin": "hidden-1"}, "headers": {"X-Pin": "hidden-2"}})
    shown = f"{profile!r} {profile.model_dump_json()}"
    assert not any(secret in shown for secret in ("s3cret", "r3fresh", "hidden-1", "hidden-2"))
