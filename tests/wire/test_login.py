"""Profiles of type `login` on the wire: a web application's form and cookies, and a JSON call that gives a token."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.peers.portal import PASSWORD, Portal
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import Outrider
from tests.peers.token_server import answer

Start = Callable[..., Awaitable[Outrider]]


@pytest.fixture
async def portal() -> AsyncIterator[Portal]:
    async with Portal() as running:
        yield running


def facing(portal: Portal, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
    form = {"user": "me", "password": "{{ password }}", "csrf": "{{ csrf }}"}
    profile = {
        "type": "login",
        "secrets": {"password": {"env": "PASSWORD"}},
        "steps": [
            {"request": {"method": "GET", "path": "/login"}, "take": {"csrf": {"input": "csrf"}}},
            {"request": {"path": "/login", "form": form}},
        ],
        "unauthorized": {"redirect": "/login", "form": 'action="/login"'},
    } | more
    return {"auth": {"p": profile}, "upstreams": {"api": {"url": portal.url, "auth": "p"}}}


ENVIRON = {"PASSWORD": PASSWORD}


async def test_a_form_is_filled_in_with_its_hidden_field_and_the_session_goes_as_cookies(
    outrider: Start, portal: Portal
) -> None:
    running = await outrider(facing(portal), ENVIRON)
    answered = await running.request(b"GET", b"/orders", b"Cookie: mine=1; session=forged")
    assert answered.content == b'{"hello": "there"}'
    assert portal.logins == [{"user": "me", "password": PASSWORD, "csrf": "t0k&n"}]
    assert portal.requests[0].head.get(b"cookie") == b"mine=1; session=s1"


async def test_a_cookie_goes_where_its_path_says(outrider: Start, portal: Portal) -> None:
    running = await outrider(facing(portal), ENVIRON)
    await running.request(b"GET", b"/admin/users?a=/")
    assert portal.requests[0].head.get(b"cookie") == b"admin=1; session=s1"


@pytest.mark.parametrize("target", [b"/orders", b"/page"])
async def test_an_answer_that_shows_the_login_means_a_new_login_for_all(
    outrider: Start, portal: Portal, target: bytes
) -> None:
    running = await outrider(facing(portal), ENVIRON)
    portal.session = "ended"
    answers = await asyncio.gather(*(running.request(b"GET", target) for _ in range(10)))
    assert {answered.content for answered in answers} == {b'{"hello": "there"}'}
    assert len(portal.logins) == 2


async def test_a_password_that_is_refused_is_tried_once(outrider: Start, portal: Portal) -> None:
    running = await outrider(facing(portal), {"PASSWORD": "wrong"})
    answers = [await running.request() for _ in range(3)]
    assert {answered.status for answered in answers} == {401}
    assert b"does not accept what it was sent" in answers[0].content
    assert b"wrong" not in answers[0].content
    assert len(portal.logins) == 1
    assert portal.requests == []


async def test_a_cookie_that_must_come_of_it_and_does_not_is_named(outrider: Start, portal: Portal) -> None:
    running = await outrider(facing(portal, cookies=["sid"]), ENVIRON)
    answered = await running.request()
    assert answered.status == 503
    assert b"The login gives no cookie sid." in answered.content


async def test_a_session_is_kept_over_a_restart(outrider: Start, portal: Portal, tmp_path: Any) -> None:
    config = facing(portal) | {"state": {"dir": str(tmp_path / "state")}}
    await (await outrider(config, ENVIRON)).stop()
    assert (await (await outrider(config, ENVIRON)).request()).status == 200
    assert len(portal.logins) == 1
    await outrider(config, {"PASSWORD": "another"})
    assert len(portal.logins) == 2


@pytest.mark.parametrize("where", ["json", "field"])
async def test_a_token_is_taken_from_the_answer(outrider: Start, where: str) -> None:
    seen: list[Any] = []

    async def serve(connection: Connection) -> None:
        while True:
            request = await connection.request()
            if request.head.target == b"/session":
                seen.append(json.loads(request.content))
                await connection.send(answer(201, {"data": {"jwt": "tok"}, "ttl": 60}, b"X-Auth-Token: tok"))
            else:
                seen.append(request.head.get(b"x-auth"))
                await connection.send(answer(200, {}))

    response = {"access_token": "data.jwt", "expires_in": "ttl"} if where == "json" else {"field": "X-Auth-Token"}
    profile = {
        "type": "login",
        "secrets": {"password": PASSWORD},
        "steps": [{"request": {"path": "/session", "json": {"user": "me", "password": "{{ password }}", "n": 1}}}],
        "response": response,
        "header": "X-Auth",
        "scheme": "",
    }
    async with RawUpstream(serve) as upstream:
        running = await outrider({"auth": {"p": profile}, "upstreams": {"api": {"url": upstream.url, "auth": "p"}}})
        await running.request()
    assert seen == [{"user": "me", "password": PASSWORD, "n": 1}, b"tok"]


# What the upstream makes of the cookies later on


async def _with_answers(outrider: Start, portal: Portal, *set_cookies: bytes) -> tuple[Outrider, list[list[bytes]]]:
    """A daemon, and the `Set-Cookie` values that its callers saw, one request for each of `set_cookies`."""
    running = await outrider(facing(portal), ENVIRON)
    seen = []
    for value in set_cookies:
        portal.sets = [value]
        answered = await running.request(b"GET", b"/orders")
        seen.append([value for name, value in answered.fields if name.lower() == b"set-cookie"])
    portal.sets = []
    return running, seen


async def test_a_cookie_that_is_renewed_goes_into_the_next_request_and_not_to_the_caller(
    outrider: Start, portal: Portal
) -> None:
    portal.also = {"s2"}
    running, seen = await _with_answers(outrider, portal, b"session=s2; Path=/; HttpOnly")
    assert seen == [[]]
    await running.request(b"GET", b"/admin/")
    assert portal.requests[-1].head.get(b"cookie") == b"admin=1; session=s2"
    assert len(portal.logins) == 1


async def test_a_cookie_that_is_none_of_the_sessions_is_the_callers(outrider: Start, portal: Portal) -> None:
    _, seen = await _with_answers(outrider, portal, b"theme=dark; Path=/")
    assert seen == [[b"theme=dark; Path=/"]]


@pytest.mark.parametrize("ended", [b"session=; Max-Age=0", b"session=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
async def test_a_session_that_is_ended_by_an_answer_is_followed_by_another_login(
    outrider: Start, portal: Portal, ended: bytes
) -> None:
    running, seen = await _with_answers(outrider, portal, ended)
    assert seen == [[]]
    assert (await running.request(b"GET", b"/orders")).status == 200
    assert len(portal.logins) == 2


async def test_after_a_renewed_cookie_is_refused_there_is_one_login(outrider: Start, portal: Portal) -> None:
    portal.also = {"s2"}
    running, _ = await _with_answers(outrider, portal, b"session=s2; Path=/")
    portal.also, portal.session = set(), "gone"
    assert (await running.request(b"GET", b"/orders")).status == 200
    assert len(portal.logins) == 2


async def test_a_caller_without_our_credential_gets_the_cookies_of_its_own_session(
    outrider: Start, portal: Portal
) -> None:
    running = await outrider(facing(portal), ENVIRON)
    portal.also, portal.sets = {"mine"}, [b"session=mine; Path=/"]
    answered = await running.request(b"GET", b"/orders", b"Outrider-Auth: none", b"Cookie: session=mine")
    assert answered.get(b"set-cookie") == b"session=mine; Path=/"
