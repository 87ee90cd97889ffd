"""A profile of type `refresh_endpoint` on the wire, in front of an API that is older than OAuth."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import yaml

from tests.peers.legacy_api import LegacyApi
from tests.peers.running import Outrider, on_free_ports

Start = Callable[..., Awaitable[Outrider]]

CONTRACT = """
  legacy:
    type: refresh_endpoint
    initial_token: {env: LEGACY_TOKEN}
    request:
      method: POST
      path: /auth/refresh              # on the upstream that uses this profile
      headers: {App-Version: "1.0.0"}
      json: {from_source: 1, user_id: "${USER_ID:-7}", token: "{{ access_token }}"}
    response: {access_token: data.access_token, expires_in: data.ttl}
    unauthorized: {status: [401, 403], body: "code == `401` || contains(message || '', 'token expired')"}
"""


@pytest.fixture
async def api() -> AsyncIterator[LegacyApi]:
    async with LegacyApi() as running:
        yield running


def facing(api: LegacyApi, **more: Any) -> str:
    """The contract's profile word for word, with `more` options."""
    profile = CONTRACT
    for name, value in more.items():
        profile += f"    {name}: {value}\n"
    sections = on_free_ports({"upstreams": {"old": {"url": api.url, "auth": "legacy"}}})
    return f"{sections}auth:{profile}"


ENVIRON = {"LEGACY_TOKEN": "token-0"}


async def test_the_contracts_profile_begins_with_its_token_and_refreshes_where_it_has_ended(
    outrider: Start, api: LegacyApi
) -> None:
    running = await outrider(facing(api), ENVIRON)
    assert (await running.request()).status == 200
    assert api.refreshes == []
    api.ended = True
    answered = await running.request(b"POST", b"/orders", content=b"an order")
    assert yaml.safe_load(answered.content) == {"code": 0, "data": "here you are"}
    assert answered.get(b"proxy-status") == b"outrider; attempts=2; refreshed"
    assert api.refreshes == [{"from_source": 1, "user_id": 7, "token": "token-0"}]
    assert api.fields[0].head.get(b"app-version") == b"1.0.0"


async def test_fifty_calls_on_an_ended_token_are_one_refresh(outrider: Start, api: LegacyApi) -> None:
    running = await outrider(facing(api), ENVIRON)
    api.ended = True
    answers = await asyncio.gather(*(running.request() for _ in range(50)))
    assert {b'"code": 0' in answered.content for answered in answers} == {True}
    assert (len(api.refreshes), api.superseded) == (1, 0)


async def test_without_auto_refresh_the_answer_passes_and_nothing_is_asked(outrider: Start, api: LegacyApi) -> None:
    running = await outrider(facing(api, auto_refresh="false"), ENVIRON)
    api.ended = True
    answered = await running.request()
    assert yaml.safe_load(answered.content)["code"] == 401
    assert (api.refreshes, api.calls) == ([], 1)


async def test_a_session_that_the_api_takes_no_more_is_over(outrider: Start, api: LegacyApi) -> None:
    running = await outrider(facing(api), {"LEGACY_TOKEN": "somebody's old token"})
    answers = [await running.request() for _ in range(3)]
    assert {answered.status for answered in answers} == {401}
    assert b"session_expired" in answers[0].content
    assert b"does not accept what it was sent" in answers[0].content
    assert len(api.refreshes) == 1
