"""Logins against a real OpenID provider, and what is said where they fail."""

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from proxy.auth import SessionFault, Tokens, build_source
from proxy.auth.login import LoginFailed, log_in
from proxy.auth.means import Means
from proxy.auth.session import SessionSource
from proxy.auth.token_answer import Granted
from proxy.clock import CoarseTimer
from proxy.config.oauth2_model import OAuth2Profile
from proxy.errors import SessionExpired
from proxy.policy.signing_key import SigningKey
from proxy.upstream.fetch import Fetcher
from tests.auth.tools import FakeClock, means, profile
from tests.peers.oidc_provider import OidcProvider
from tests.peers.raw_upstream import Connection
from tests.peers.token_server import TokenServer, answer


class Person:
    """Sees what is shown, and does `act` with the address and the code, in a thread as a browser would."""

    def __init__(self, act: Callable[[str, str], object] = lambda url, code: None) -> None:
        self._act = act
        self.url = self.code = self.complete = ""
        self.acted: Awaitable[object] | None = None

    def visit(self, url: str, code: str, complete: str) -> None:
        self.url, self.code, self.complete = url, code, complete
        self.acted = asyncio.get_running_loop().run_in_executor(None, self._act, url, code)

    def waiting(self, seconds: float) -> None:
        assert seconds > 0


def browse(url: str, code: str = "") -> tuple[int, str]:
    """As a browser does: with cookies, and after every redirection."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    try:
        with opener.open(url, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
async def given(tmp_path: Path) -> AsyncIterator[Means]:
    loop = asyncio.get_running_loop()
    timer = CoarseTimer(loop, 0.02)
    fetcher = Fetcher(timer, loop)
    yield means(tmp_path, FakeClock(), fetch=fetcher)
    await fetcher.close()
    timer.close()


def issued(oidc: OidcProvider, grant: str, **more: Any) -> tuple[dict[str, Any], OAuth2Profile]:
    client = oidc.client()
    written = oidc.profile(client, grant=grant, scope="openid offline_access read", **more)
    del written["token_url"]
    return client, _parsed(written | {"issuer": oidc.url})


def _parsed(written: dict[str, Any]) -> OAuth2Profile:
    parsed = profile(**written)
    assert isinstance(parsed, OAuth2Profile)
    return parsed


async def fails(profile: OAuth2Profile, given: Means, person: Person, patience: float = 10) -> str:
    with pytest.raises(LoginFailed) as caught:
        await log_in("p", profile, given, person, patience)
    return caught.value.detail


# A code that is typed elsewhere


async def test_a_person_who_types_the_code_has_logged_in(oidc: OidcProvider, given: Means) -> None:
    client, parsed = issued(oidc, "device_code")
    person = Person(lambda url, code: oidc.answer_device(code))
    granted = await log_in("p", parsed, given, person, 30)
    assert granted.refresh is not None
    assert person.url.startswith(oidc.url)
    assert person.code in person.complete
    assert {"granted": "urn:ietf:params:oauth:grant-type:device_code"} in oidc.facts(client)


async def test_a_person_who_refuses_has_not(oidc: OidcProvider, given: Means) -> None:
    _, parsed = issued(oidc, "device_code")
    assert await fails(parsed, given, Person(lambda url, code: oidc.answer_device(code, "deny")), 30) == (
        "the person has refused"
    )


def device(server: TokenServer) -> OAuth2Profile:
    """A device whose code comes from a script, as its tokens do."""
    begun = {"device_code": "d", "user_code": "U-C", "verification_uri": "https://x.example/", "interval": 0.01}
    server.next.append(scripted(200, begun))
    return _parsed(server.profile(grant="device_code", device_authorization_url=server.token_url))


def scripted(status: int, content: dict[str, Any]) -> Callable[[Connection], Awaitable[None]]:
    async def send(connection: Connection) -> None:
        await connection.request()
        await connection.send(answer(status, content))

    return send


async def test_an_answer_that_is_still_awaited_is_asked_for_again(server: TokenServer, given: Means) -> None:
    parsed = device(server)
    server.next += [scripted(400, {"error": "authorization_pending"})] * 3
    server.next += [scripted(503, {}), scripted(200, {"access_token": "t", "scope": "read"})]
    granted = await log_in("p", parsed, given, Person(), 10)
    assert (granted.access.reveal(), granted.scope) == ("t", "read")
    assert {asked["device_code"] for asked in server.asked[1:]} == {"d"}


async def test_a_server_that_wants_fewer_questions_is_asked_five_seconds_later(
    server: TokenServer, given: Means, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed, pauses, real = device(server), list[float](), asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(round(seconds, 2))
        await real(0)

    monkeypatch.setattr("proxy.auth.device_login.asyncio.sleep", sleep)
    server.next += [scripted(400, {"error": "slow_down"})] * 2 + [scripted(200, {"access_token": "t"})]
    await log_in("p", parsed, given, Person(), 100)
    assert [pause for pause in pauses if pause > 0][:3] == [0.05, 5.05, 10.05]


@pytest.mark.parametrize(
    ("error", "said"),
    [("expired_token", "the code has expired"), ("access_denied", "has refused"), ("invalid_grant", "invalid_grant")],
)
async def test_a_device_that_is_turned_away_says_why(server: TokenServer, given: Means, error: str, said: str) -> None:
    parsed = device(server)
    server.next.append(scripted(400, {"error": error}))
    assert said in await fails(parsed, given, Person())


async def test_a_code_that_nobody_types_is_given_up(server: TokenServer, given: Means) -> None:
    parsed = device(server)
    server.next += [scripted(400, {"error": "authorization_pending"})] * 50
    assert "nobody has agreed in time" in await fails(parsed, given, Person(), 0.3)


@pytest.mark.parametrize(
    ("status", "content", "said"),
    [
        (400, {"error": "invalid_scope", "error_description": "canary"}, "answers 400 with invalid_scope"),
        (400, {"error": "canary"}, "answers 400 with an error of its own"),
        (200, {"device_code": "d"}, "without a code or an address"),
        (
            200,
            {"device_code": "d", "user_code": "u", "verification_uri": "javascript:x"},
            "without a code or an address",
        ),
        (404, {}, "answers 404 with no reason"),
    ],
)
async def test_a_server_that_gives_no_code_is_not_quoted_beyond_the_names_of_errors(
    server: TokenServer, given: Means, status: int, content: dict[str, Any], said: str
) -> None:
    parsed = device(server)
    server.next[0] = scripted(status, content)
    detail = await fails(parsed, given, Person())
    assert said in detail
    assert "canary" not in detail


# A browser that comes back


async def test_a_code_and_its_tokens_are_bound_to_the_profiles_key(oidc: OidcProvider, given: Means) -> None:
    client, parsed = issued(oidc, "authorization_code", authorization_parameters={"prompt": "consent"}, dpop={})
    person = Person(browse)
    given = replace(given, wall=time.time)
    with oidc.wanting_nonces():
        granted = await log_in("p", parsed, given, person, 30)
    record = await given.store.load("p@dpop")
    assert record is not None
    assert record.access is not None
    thumbprint = SigningKey(record.access.reveal()).thumbprint
    assert parse_qs(urlsplit(person.url).query)["dpop_jkt"] == [thumbprint]
    assert oidc.introspect(client, granted.access.reveal())["cnf"] == {"jkt": thumbprint}


async def test_a_public_clients_session_lives_on_with_the_key_that_it_was_begun_with(
    oidc: OidcProvider, given: Means
) -> None:
    client = oidc.client(token_endpoint_auth_method="none", dpop_bound_access_tokens=True)
    written = oidc.profile(client, grant="device_code", scope="openid offline_access read", dpop={})
    del written["token_url"]
    parsed, given = _parsed(written | {"issuer": oidc.url}), replace(given, wall=time.time)
    granted = await log_in("p", parsed, given, Person(lambda url, code: oidc.answer_device(code)), 30)
    source = build_source("p", parsed, given)
    assert source is not None
    await source.install(Tokens(None, granted.refresh))
    assert (await source.current()).lines.startswith(b"Authorization: DPoP ")
    await source.close()
    assert [fact["granted"].rpartition(":")[2] for fact in oidc.facts(client) if "granted" in fact] == [
        "device_code",
        "refresh_token",
    ]


async def test_a_browser_that_comes_back_has_logged_in(oidc: OidcProvider, given: Means) -> None:
    client, parsed = issued(oidc, "authorization_code", authorization_parameters={"prompt": "consent"})
    person = Person(browse)
    granted = await log_in("p", parsed, given, person, 30)
    assert granted.refresh is not None
    assert person.acted is not None
    status, page = cast(tuple[int, str], await person.acted)
    assert (status, "close this page" in page) == (200, True)
    query = parse_qs(urlsplit(person.url).query)
    assert (query["code_challenge_method"], query["prompt"]) == (["S256"], ["consent"])
    assert {"granted": "authorization_code"} in oidc.facts(client)


def coming_back(seen: list[tuple[int, str]], **answered: str) -> Callable[[str, str], object]:
    """A browser that is sent back with `answered` instead of what the server would say; `state` is the real one."""

    def act(url: str, code: str) -> None:
        query = parse_qs(urlsplit(url).query)
        back = {name: value.replace("STATE", query["state"][0]) for name, value in answered.items()}
        seen.append(browse(f"{query['redirect_uri'][0]}?{urlencode(back)}"))

    return act


def browsing(server: TokenServer, **more: Any) -> OAuth2Profile:
    url = "https://login.example/authorize?tenant=1"
    return _parsed(server.profile(grant="authorization_code", authorization_url=url, **more))


async def test_the_parameters_of_the_token_request_are_not_in_the_browsers_address(
    server: TokenServer, given: Means
) -> None:
    person = Person(coming_back([], state="STATE", error="access_denied"))
    await fails(browsing(server, parameters={"key": "s3cret"}, audience="a"), given, person)
    assert "s3cret" not in person.url
    assert parse_qs(urlsplit(person.url).query)["audience"] == ["a"]


async def test_an_address_with_a_query_of_its_own_keeps_it(server: TokenServer, given: Means) -> None:
    person = Person(coming_back([], state="STATE", error="access_denied", error_description="<b>no"))
    assert await fails(browsing(server), given, person) == "the server answers with access_denied: <b>no"
    assert person.url.startswith("https://login.example/authorize?tenant=1&response_type=code&")


@pytest.mark.parametrize(
    "answered", [{"state": "guessed", "code": "c"}, {"code": "c"}, {"state": "STATE" * 2, "error": "x"}]
)
async def test_an_answer_to_another_login_is_turned_away_and_waited_past(
    server: TokenServer, given: Means, answered: dict[str, str]
) -> None:
    seen: list[tuple[int, str]] = []
    assert "no browser has come back" in await fails(
        browsing(server), given, Person(coming_back(seen, **answered)), 0.5
    )
    assert seen[0][0] == 400
    assert server.asked == []


async def test_another_page_is_not_the_answer(server: TokenServer, given: Means) -> None:
    seen: list[tuple[int, str]] = []

    def act(url: str, code: str) -> None:
        back = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        seen.append(browse(back.replace("/callback", "/favicon.ico")))

    await fails(browsing(server), given, Person(act), 0.5)
    assert seen[0][0] == 404


async def test_an_answer_of_another_issuer_is_not_taken(oidc: OidcProvider, given: Means) -> None:
    _, parsed = issued(oidc, "authorization_code")
    act = coming_back([], state="STATE", code="c", iss="https://evil.example")
    assert "another issuer (https://evil.example)" in await fails(parsed, given, Person(act))


async def test_a_browser_without_a_code_is_an_error(server: TokenServer, given: Means) -> None:
    assert "without a code" in await fails(browsing(server), given, Person(coming_back([], state="STATE")))


async def test_a_code_that_the_server_does_not_take_is_an_error(server: TokenServer, given: Means) -> None:
    server.next.append(scripted(400, {"error": "invalid_grant"}))
    person = Person(coming_back([], state="STATE", code="c"))
    assert "invalid_grant" in await fails(browsing(server), given, person)
    asked = server.asked[0]
    assert (asked["code"], len(asked["code_verifier"]) >= 43) == ("c", True)
    assert asked["redirect_uri"].endswith("/callback")


async def test_a_port_that_is_taken_is_named(server: TokenServer, given: Means) -> None:
    taken = server.url.replace("localhost", "127.0.0.1")
    parsed = browsing(server, redirect_uri=f"{taken}/callback")
    assert "cannot listen at redirect_uri" in await fails(parsed, given, Person())


# What becomes of the session


@pytest.mark.parametrize("grant", ["device_code", "authorization_code"])
async def test_a_profile_that_nobody_has_logged_in_to_says_what_to_run(
    server: TokenServer, given: Means, grant: str
) -> None:
    place = "device_authorization_url" if grant == "device_code" else "authorization_url"
    written = server.profile(grant=grant, **{place: "https://login.example/"})
    source = build_source("mail", profile(**written), given)
    assert source is not None
    with pytest.raises(SessionExpired, match="nobody has logged in yet: run `outrider login mail`"):
        await source.current()
    assert server.asked == []
    await source.close()


def tokens(granted: Granted) -> Tokens:
    return Tokens(granted.access, granted.refresh, granted.lifetime)


async def test_after_a_login_it_renews_itself_until_it_is_ended_and_the_server_is_told(
    oidc: OidcProvider, given: Means
) -> None:
    client, parsed = issued(oidc, "device_code")
    granted = await log_in("p", parsed, given, Person(lambda url, code: oidc.answer_device(code)), 30)
    source = build_source("mail", parsed, given)
    assert isinstance(source, SessionSource)
    await source.install(tokens(granted))
    held = await source.current()
    fresh = await source.refresh(held)
    assert fresh is not None
    assert fresh.lines != held.lines
    assert await source.terminate() == "the server has revoked its tokens"
    assert {"revoked": True} in oidc.facts(client)
    with pytest.raises(SessionExpired, match="outrider login"):
        await source.current()
    await source.close()


async def test_a_server_that_cannot_be_told_ends_the_session_all_the_same(server: TokenServer, given: Means) -> None:
    written = server.person(server.begin_family(), revocation_url="http://127.0.0.1:1/revoke")
    source = build_source("p", profile(**written), given)
    assert source is not None
    await source.current()
    assert "could not be told" in await source.terminate()
    with pytest.raises(SessionExpired):
        await source.current()
    await source.close()


async def test_a_session_that_is_over_wants_another_login(server: TokenServer, given: Means) -> None:
    source = build_source("mail", browsing(server), given)
    assert source is not None
    with pytest.raises(SessionFault):
        await source.install(Tokens(None, None, 10))
    await source.close()
