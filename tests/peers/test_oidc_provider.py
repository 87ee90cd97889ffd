"""The OpenID provider as the tests of others rely on it."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import requests

from tests.peers.oidc_provider import OidcProvider

_REFRESH = "refresh_token"


def ask(oidc: OidcProvider, client: dict[str, Any], **fields: str) -> tuple[int, dict[str, Any]]:
    pair = (quote_plus(client["client_id"]), quote_plus(client["client_secret"]))
    reply = requests.post(oidc.token_url, data=fields, auth=pair, timeout=10)
    return reply.status_code, reply.json()


def test_a_second_use_of_a_refresh_token_ends_its_family(oidc: OidcProvider) -> None:
    client = oidc.client()
    first = oidc.tokens(client)["refresh_token"]
    status, granted = ask(oidc, client, grant_type=_REFRESH, refresh_token=first)
    assert (status, granted["refresh_token"] != first) == (200, True)
    assert ask(oidc, client, grant_type=_REFRESH, refresh_token=first)[1]["error"] == "invalid_grant"
    assert ask(oidc, client, grant_type=_REFRESH, refresh_token=granted["refresh_token"])[0] == 400
    assert [next(iter(fact)) for fact in oidc.facts(client)] == ["granted", "revoked", "refused", "refused"]


def test_its_api_takes_what_it_granted_and_nothing_else(oidc: OidcProvider) -> None:
    client = oidc.client()
    _, granted = ask(oidc, client, grant_type="client_credentials", scope="read")
    for token, status in ((granted["access_token"], 200), ("made-up", 401)):
        reply = requests.get(f"{oidc.api_url}/x", headers={"Authorization": f"Bearer {token}"}, timeout=10)
        assert reply.status_code == status


def test_a_device_code_waits_for_the_persons_word(oidc: OidcProvider) -> None:
    client = oidc.client(token_endpoint_auth_method="none")
    for verdict, error in (("approve", None), ("deny", "access_denied")):
        asked = {"client_id": client["client_id"], "scope": "openid offline_access"}
        begun = requests.post(f"{oidc.url}/device/auth", data=asked, timeout=10).json()
        grant = {
            "client_id": client["client_id"],
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": begun["device_code"],
        }
        assert requests.post(oidc.token_url, data=grant, timeout=10).json()["error"] == "authorization_pending"
        assert oidc.answer_device(begun["user_code"], verdict)
        answer = requests.post(oidc.token_url, data=grant, timeout=10).json()
        assert answer.get("error") == error
        assert ("refresh_token" in answer) is (error is None)


def test_a_browser_that_follows_comes_back_with_a_code(oidc: OidcProvider) -> None:
    client = oidc.client(token_endpoint_auth_method="none")
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    redirect = "http://127.0.0.1:1/callback"
    asked = {
        "client_id": client["client_id"],
        "response_type": "code",
        "redirect_uri": redirect,
        "scope": "openid offline_access read",
        "prompt": "consent",
        "state": "s",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    with requests.Session() as browser:
        reply = browser.get(f"{oidc.url}/auth?{urlencode(asked)}", allow_redirects=False, timeout=10)
        while not reply.headers["location"].startswith(redirect):
            reply = browser.get(requests.compat.urljoin(oidc.url, reply.headers["location"]), allow_redirects=False)
    found = parse_qs(urlsplit(reply.headers["location"]).query)
    assert (found["state"], found["iss"]) == (["s"], [oidc.url])
    grant = {
        "client_id": client["client_id"],
        "grant_type": "authorization_code",
        "code": found["code"][0],
        "redirect_uri": redirect,
        "code_verifier": verifier,
    }
    assert {"access_token", "refresh_token"} <= requests.post(oidc.token_url, data=grant, timeout=10).json().keys()


def test_over_tls_it_says_where_everything_is(oidc_tls: OidcProvider) -> None:
    assert oidc_tls.folder is not None
    found = requests.get(
        f"{oidc_tls.url}/.well-known/openid-configuration", verify=str(oidc_tls.folder / "ca.pem"), timeout=10
    ).json()
    assert (found["issuer"], found["token_endpoint"]) == (oidc_tls.url, oidc_tls.token_url)
    assert found["device_authorization_endpoint"].startswith(oidc_tls.url)
