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
ALONE = {"type": "oauth2", "token_url": "https://login.example/token"}
BY_ISSUER = USUAL | {"token_url": None}
EXCHANGE = ALONE | {"grant": "token_exchange", "subject_token": "s3cret"}
BROWSER = USUAL | {"grant": "authorization_code", "authorization_url": "https://login.example/"}
KEYED = USUAL | {"client_secret": None}


def parse(written: dict[str, Any]) -> OAuth2Profile:
    return OAuth2Profile.model_validate(written)


@pytest.mark.parametrize(
    ("written", "how"),
    [
        (USUAL, "client_secret_basic"),
        (USUAL | {"client_auth": "client_secret_post"}, "client_secret_post"),
        (PERSON | {"client_secret": None}, "none"),
        (PERSON | {"client_secret": None, "client_auth": "none"}, "none"),
        (KEYED | {"client_key": {"key": "k"}}, "private_key_jwt"),
        (EXCHANGE, "none"),
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
        (PERSON | {"refresh_token": None}, "grant refresh_token wants refresh_token; add refresh_token: {file: PATH}"),
        (USUAL | {"refresh_token": "r"}, "client_credentials has no use for refresh_token; .* grant: refresh_token"),
        (USUAL | {"client_secret": None}, "wants a client that proves"),
        (USUAL | {"client_secret": None, "client_auth": "client_secret_post"}, "wants client_secret; add"),
        (PERSON | {"client_auth": "none"}, "client_auth none has no use for client_secret; .* client_secret_basic"),
        (USUAL | {"client_id": None}, "wants client_id; add client_id: NAME"),
        (USUAL | {"client_auth": "private_key_jwt"}, "wants client_key"),
        (USUAL | {"client_key": {"key": "k"}}, "has no use for client_key; .* private_key_jwt"),
        (USUAL | {"client_secret": None, "client_auth": "tls_client_auth"}, "wants tls"),
        (USUAL | {"client_secret": None, "client_auth": "tls_client_auth", "tls": {}}, "wants a certificate"),
        (USUAL | {"token_url": "http://127.0.0.1/token", "tls": {}}, "no meaning .* plain HTTP"),
        (USUAL | {"token_url": None}, "neither token_url nor issuer"),
        (USUAL | {"issuer": "https://login.example"}, "both token_url and issuer"),
        (BY_ISSUER | {"issuer": "http://login.example"}, "over TLS alone"),
        (BY_ISSUER | {"issuer": "https://login.example?x"}, "no query"),
        (USUAL | {"grant": "password", "username": "u"}, "wants password; add username and password"),
        (USUAL | {"grant": "jwt_bearer"}, "wants assertion or sign_assertion"),
        (USUAL | {"grant": "jwt_bearer", "assertion": "a", "sign_assertion": {"key": "k"}}, "two assertions"),
        (ALONE | {"grant": "jwt_bearer", "sign_assertion": {"key": "k"}}, "nothing says who signs"),
        (EXCHANGE | {"subject_token": None}, "wants subject_token"),
        (EXCHANGE | {"subject_token_type": "x"}, "not a type of token"),
        (EXCHANGE | {"actor_token_type": "jwt"}, "without its actor_token"),
        (USUAL | {"subject_token_type": "jwt"}, "no use for subject_token_type"),
        (USUAL | {"response": {"access_token": "data."}}, "not a JMESPath expression"),
        (KEYED | {"client_key": {"key": "k", "lifetime": "2d"}}, "between a second and a day|not a"),
        (KEYED | {"client_key": {"key": "k", "lifetime": "0s"}}, "between a second and a day"),
        (KEYED | {"client_key": {"key": "k", "header": {"kid": "x"}}}, "option of its own"),
        (KEYED | {"client_key": {"key": "k", "algorithm": "HS256"}}, "RS256"),
        (USUAL | {"dpop": {}, "header": "X-Token"}, "where the token stands: header is of no use; remove it, or dpop"),
        (USUAL | {"dpop": {}, "scheme": "Bearer"}, "scheme is of no use"),
        (USUAL | {"dpop": {"algorithm": "HS256"}}, "RS256"),
        (USUAL | {"parameters": {"scope": "x"}}, "an option of its own"),
        (USUAL | {"token_url": "https://login.example/#x"}, "no fragment"),
        (USUAL | {"token_url": "https://u:p@login.example/"}, "no user and no password"),
        (USUAL | {"token_url": "ftp://login.example/"}, "must begin with http"),
        (USUAL | {"headers": {"Content-Length": "1"}}, "belongs to the connection"),
        (USUAL | {"grant": "implicit"}, "client_credentials"),
        (USUAL | {"grant": "device_code"}, "add device_authorization_url, or issuer"),
        (USUAL | {"grant": "authorization_code"}, "add authorization_url, or issuer"),
        (USUAL | {"redirect_uri": "http://127.0.0.1/x"}, "no use for redirect_uri"),
        (BROWSER | {"redirect_uri": "https://127.0.0.1/x"}, "not an address of this machine"),
        (BROWSER | {"redirect_uri": "http://192.0.2.1/x"}, "not an address of this machine"),
        (BROWSER | {"redirect_uri": "http://127.0.0.1:99999/x"}, "not an address of this machine"),
        (BROWSER | {"redirect_uri": "http://127.0.0.1/x?y"}, "not an address of this machine"),
        (BROWSER | {"authorization_parameters": {"state": "x"}}, "the login sets itself"),
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
    profile = parse(
        PERSON | {"dpop": {"key": "s3cret"}, "parameters": {"pin": "hidden-1"}, "headers": {"X-Pin": "hidden-2"}}
    )
    shown = f"{profile!r} {profile.model_dump_json()}"
    assert not any(secret in shown for secret in ("s3cret", "r3fresh", "hidden-1", "hidden-2"))


def test_what_is_signed_or_presented_is_not_printed_either() -> None:
    signed = ALONE | {
        "grant": "jwt_bearer",
        "sign_assertion": {"key": "s3cret", "issuer": "me", "claims": {"a": "p1n"}},
    }
    user = USUAL | {"grant": "password", "username": "u", "password": "p1n"}
    for written in (signed, user, EXCHANGE):
        profile = parse(written)
        shown = f"{profile!r} {profile.model_dump_json()}"
        assert not any(secret in shown for secret in ("s3cret", "p1n"))


def test_an_issuer_on_this_machine_may_be_asked_in_the_clear() -> None:
    assert parse(BY_ISSUER | {"issuer": "http://127.0.0.1:9100"}).server == "http://127.0.0.1:9100"


@pytest.mark.parametrize("written", ["access_token", "urn:ietf:params:oauth:token-type:access_token"])
def test_a_type_of_token_is_its_word_or_its_uri(written: str) -> None:
    parsed = parse(EXCHANGE | {"subject_token_type": written})
    assert parsed.subject_token_type == "urn:ietf:params:oauth:token-type:access_token"
