"""Tokens for signed statements, on the wire: a real daemon between callers and whoever gives tokens for a key."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.peers.key_desks import ACCOUNT, KeyDesks, new_key
from tests.peers.running import Outrider

Start = Callable[..., Awaitable[Outrider]]
SCOPES = ["https://www.googleapis.com/auth/devstorage.read_only", "openid"]


@pytest.fixture
async def desks() -> AsyncIterator[KeyDesks]:
    async with KeyDesks() as running:
        yield running


def facing(desks: KeyDesks, profile: dict[str, Any]) -> dict[str, Any]:
    return {"auth": {"p": profile}, "upstreams": {"api": {"url": desks.url, "auth": "p"}}}


async def test_an_installations_token_is_obtained_once_and_used(outrider: Start, desks: KeyDesks) -> None:
    running = await outrider(facing(desks, desks.github()), {"KEY": desks.pem})
    assert [(await running.request()).status for _ in range(3)] == [200] * 3
    (asked,) = desks.asked
    assert asked["body"] is None
    assert desks.refusals == []


async def test_a_token_may_be_narrowed(outrider: Start, desks: KeyDesks) -> None:
    narrow = {"repositories": ["one"], "permissions": {"contents": "read"}}
    running = await outrider(facing(desks, desks.github(**narrow)), {"KEY": desks.pem})
    assert (await running.request()).status == 200
    assert desks.asked[0]["body"] == narrow


async def test_the_end_of_a_token_is_measured_by_the_clock_that_named_it(outrider: Start, desks: KeyDesks) -> None:
    desks.skew, desks.lifetime = 30, 25
    running = await outrider(facing(desks, desks.github()), {"KEY": desks.pem})
    source = running.daemon._pipeline.sources["p"]
    assert source._session._expire_at - source._clock() == pytest.approx(25, abs=3)


@pytest.mark.parametrize("scheme", ["github", "google"])
async def test_a_token_that_is_refused_is_replaced_within_the_request(
    outrider: Start, desks: KeyDesks, scheme: str
) -> None:
    profile, key = desks.github(), desks.pem
    if scheme == "google":
        profile, key = desks.google(scopes=SCOPES), desks.account_file()
    running = await outrider(facing(desks, profile), {"KEY": key})
    desks.expire_tokens()
    assert (await running.request()).status == 200
    assert len(desks.asked) == 2


@pytest.mark.parametrize(
    ("change", "status", "why", "said"),
    [
        ({"app_id": 1}, 401, "issuer", "check app_id"),
        ({"installation_id": 1}, 404, "installation", "check installation_id"),
        ({"private_key": {"env": "OTHER"}}, 401, "signature", "check app_id, private_key"),
    ],
)
async def test_what_github_refuses_is_told_with_what_to_look_at(
    outrider: Start, desks: KeyDesks, change: dict[str, Any], status: int, why: str, said: str
) -> None:
    running = await outrider(facing(desks, desks.github(**change)), {"KEY": desks.pem, "OTHER": new_key()[0]})
    answer = await running.request()
    assert answer.status == 503
    assert f"GitHub answers {status}; {said}".encode() in answer.content
    assert desks.refusals[0].startswith(why)


async def test_an_access_token_is_given_for_scopes(outrider: Start, desks: KeyDesks) -> None:
    running = await outrider(facing(desks, desks.google(scopes=SCOPES)), {"KEY": desks.account_file()})
    assert (await running.request()).status == 200
    (asked,) = desks.asked
    assert (asked["scope"], asked["sub"]) == (" ".join(SCOPES), ACCOUNT)


async def test_an_account_may_act_for_a_user(outrider: Start, desks: KeyDesks) -> None:
    profile = desks.google(scopes=SCOPES, subject="ann@example.com")
    running = await outrider(facing(desks, profile), {"KEY": desks.account_file()})
    assert (await running.request()).status == 200
    assert desks.asked[0]["sub"] == "ann@example.com"


async def test_an_id_token_is_given_for_an_audience_and_lives_as_long_as_it_says(
    outrider: Start, desks: KeyDesks
) -> None:
    desks.lifetime = 120
    profile = desks.google(audience="https://service.run.app")
    running = await outrider(facing(desks, profile), {"KEY": desks.account_file()})
    assert (await running.request()).status == 200
    assert desks.asked[0]["target_audience"] == "https://service.run.app"
    source = running.daemon._pipeline.sources["p"]
    assert source._session._expire_at - source._clock() == pytest.approx(120, abs=3)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("canary", "no service account's key"),
        ('{"type": "service_account"}', "no client_email"),
        ('{"type": "service_account", "client_email": "a", "private_key": "canary"}', "no private key"),
        (
            '{"type": "service_account", "client_email": "a", "private_key": "b", "token_uri": "http://x.example"}',
            "https",
        ),
    ],
)
async def test_a_key_that_is_none_is_told_without_a_word_of_it(
    outrider: Start, desks: KeyDesks, key: str, said: str
) -> None:
    running = await outrider(facing(desks, desks.google(scopes=SCOPES)), {"KEY": key})
    answer = await running.request()
    assert answer.status == 503
    assert said.encode() in answer.content
    assert b"canary" not in answer.content


async def test_a_refusal_is_not_final(outrider: Start, desks: KeyDesks) -> None:
    desks.skew = 7200
    running = await outrider(facing(desks, desks.google(scopes=SCOPES)), {"KEY": desks.account_file()})
    answer = await running.request()
    assert (answer.status, b"this machine's clock" in answer.content) == (503, True)
    desks.skew = 0
    running.daemon._pipeline.sources["p"]._session.revive()
    assert (await running.request()).status == 200
