"""Where endpoints are, by what a server says of itself."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from proxy.auth.discovery import Discovery, Endpoints, NotDiscovered
from proxy.config.oauth2_model import OAuth2Profile
from proxy.errors import UpstreamConnectFailed
from proxy.message.call import Call, Reply

ISSUER = "https://login.example/tenant"
OIDC = "https://login.example/tenant/.well-known/openid-configuration"
OAUTH = "https://login.example/.well-known/oauth-authorization-server/tenant"
SAID = {"issuer": ISSUER, "token_endpoint": "https://api.login.example/token"}


class Server:
    """Answers by URL: a status, a document, or an error to raise; 404 for what it does not know."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []

    async def __call__(self, call: Call, ready: Callable[[], Awaitable[None]] | None = None) -> Reply:
        self.asked.append(call.url)
        answer = self.answers.get(call.url, 404)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return Reply(answer, [], b"")
        return Reply(200, [], answer if isinstance(answer, bytes) else json.dumps(answer).encode())


@pytest.fixture
def server() -> Server:
    return Server()


def discovery(server: Server, issuer: str = ISSUER, **more: Any) -> Discovery:
    written = {"type": "oauth2", "grant": "client_credentials", "issuer": issuer, "client_id": "c"}
    return Discovery(OAuth2Profile.model_validate(written | (more or {"client_secret": "s"})), server)


async def fails(found: Discovery) -> str:
    with pytest.raises(NotDiscovered) as caught:
        await found.endpoints()
    return caught.value.detail


async def test_a_profile_with_a_token_url_asks_nobody(server: Server) -> None:
    written = {"type": "oauth2", "grant": "client_credentials", "token_url": "https://a.example/t"}
    profile = OAuth2Profile.model_validate(written | {"client_id": "c", "client_secret": "s"})
    assert await Discovery(profile, server).endpoints() == Endpoints("https://a.example/t")
    assert server.asked == []


async def test_the_server_is_asked_once_for_all_of_its_endpoints(server: Server) -> None:
    server.answers[OIDC] = SAID | {
        "device_authorization_endpoint": "https://login.example/device",
        "authorization_endpoint": "https://login.example/auth",
        "revocation_endpoint": "https://login.example/revoke",
    }
    found = discovery(server)
    assert await found.endpoints() == Endpoints(
        "https://api.login.example/token",
        "https://login.example/device",
        "https://login.example/auth",
        "https://login.example/revoke",
    )
    await found.endpoints()
    assert server.asked == [OIDC]


async def test_a_server_that_knows_no_openid_is_asked_as_oauth_has_it(server: Server) -> None:
    server.answers[OAUTH] = SAID
    assert (await discovery(server).endpoints()).token == SAID["token_endpoint"]
    assert server.asked == [OIDC, OAUTH]


async def test_an_issuer_without_a_path_has_its_documents_at_the_root(server: Server) -> None:
    await fails(discovery(server, "https://login.example"))
    assert server.asked == [
        "https://login.example/.well-known/openid-configuration",
        "https://login.example/.well-known/oauth-authorization-server",
    ]


async def test_a_client_with_a_certificate_is_led_to_the_endpoints_for_it(server: Server) -> None:
    server.answers[OIDC] = SAID | {"mtls_endpoint_aliases": {"token_endpoint": "https://mtls.example/token"}}
    own = discovery(server, client_auth="tls_client_auth", tls={"cert": "c.pem"})
    assert (await own.endpoints()).token == "https://mtls.example/token"
    assert (await discovery(server).endpoints()).token == SAID["token_endpoint"]


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (SAID | {"issuer": "https://evil.example"}, "calls itself by another name"),
        (SAID | {"issuer": ISSUER + "/"}, "another slash at the end"),
        ({"token_endpoint": "https://a.example/t"}, "calls itself by another name"),
        ({"issuer": ISSUER}, "names no token endpoint"),
        (SAID | {"token_endpoint": "http://a.example/t"}, "plain HTTP"),
        (SAID | {"token_endpoint": "file:///etc/passwd"}, "not a URL that can be called"),
        (SAID | {"revocation_endpoint": "https://u:p@a.example/"}, "not a URL that can be called"),
        (SAID | {"token_endpoint": "https://a.example/\r\nX: y"}, "not a URL that can be called"),
        ([SAID], "no JSON object"),
        (b"<html>", "no JSON object"),
        (500, "answers 500"),
        (302, "answers 404"),
        (UpstreamConnectFailed("refused"), "no answer from the issuer: refused"),
    ],
)
async def test_what_cannot_be_believed_or_called_is_refused(server: Server, said: object, what: str) -> None:
    server.answers[OIDC] = said
    detail = await fails(discovery(server))
    assert what in detail
    assert "evil" not in detail


async def test_an_endpoint_that_failed_is_asked_for_again_and_the_last_word_stands_meanwhile(server: Server) -> None:
    server.answers[OIDC] = SAID
    found = discovery(server)
    await found.endpoints()
    found.forget()
    server.answers[OIDC] = 503
    assert (await found.endpoints()).token == SAID["token_endpoint"]
    server.answers[OIDC] = SAID | {"token_endpoint": "https://moved.example/token"}
    assert (await found.endpoints()).token == "https://moved.example/token"
    assert len(server.asked) == 3
