"""Bound tokens on the wire: a certified server that binds them, and an API that judges each proof for itself."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.peers.dpop_api import DpopApi
from tests.peers.oidc_provider import OidcProvider
from tests.peers.running import Outrider
from tests.peers.token_server import TokenServer

Start = Callable[..., Awaitable[Outrider]]


@pytest.fixture
def client(oidc: OidcProvider) -> dict[str, Any]:
    return oidc.client(dpop_bound_access_tokens=True)


@pytest.fixture
async def api(oidc: OidcProvider, client: dict[str, Any]) -> AsyncIterator[DpopApi]:
    known: dict[str, str] = {}

    def jkt_of(token: str) -> str:
        if token not in known:
            known[token] = oidc.introspect(client, token).get("cnf", {}).get("jkt", "")
        return known[token]

    async with DpopApi(jkt_of) as running:
        yield running


def facing(url: str, profile: dict[str, Any], **upstream: object) -> dict[str, Any]:
    entry = {"url": url, "auth": "p", "match": {"prefix": "/api"}, **upstream}
    return {"auth": {"p": profile}, "upstreams": {"api": entry}}


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
async def test_each_request_has_a_proof_that_the_api_takes(
    outrider: Start, oidc: OidcProvider, client: dict[str, Any], api: DpopApi, algorithm: str
) -> None:
    profile = oidc.profile(client, dpop={"algorithm": algorithm})
    running = await outrider(facing(api.url + "/base", profile))
    for method, target in ((b"GET", b"/api/a%2Fb/../c?x=%20&y"), (b"GET", b"/api"), (b"PATCH", b"/api/x?")):
        forged = b"DPoP: forged", b"Authorization: Bearer mine"
        answer = await running.request(method, target, *forged, content=b"abc" if method == b"PATCH" else b"")
        assert answer.status == 200
    assert api.faults == [""] * 3
    assert len({claims["jti"] for claims in api.claims}) == 3
    assert [claims["htu"].removeprefix(api.url) for claims in api.claims] == [
        "/base/a%2Fb/../c",
        "/base",
        "/base/x",
    ]


@pytest.mark.parametrize("framing", [b"Content-Length: 6", b"Transfer-Encoding: chunked"])
async def test_a_nonce_that_the_api_wants_costs_one_repetition_and_no_refresh(
    outrider: Start, oidc: OidcProvider, client: dict[str, Any], api: DpopApi, framing: bytes
) -> None:
    running = await outrider(facing(api.url, oidc.profile(client, dpop={})))
    api.nonce = "first"
    async with await running.caller() as caller:
        await caller.send(running.head(b"POST", b"/api/up", framing))
        await caller.send(b"abcdef" if b"Length" in framing else b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")
        answer = await caller.answer(b"POST")
    assert (answer.status, answer.content) == (200, b"abcdef")
    assert answer.get(b"proxy-status") == b"outrider; attempts=2"
    assert (await running.request(b"GET", b"/api")).status == 200
    api.nonce = "second"
    assert (await running.request(b"GET", b"/api")).status == 200
    assert api.faults == ["use_dpop_nonce", "", "", "use_dpop_nonce", ""]
    assert len([fact for fact in oidc.facts(client) if "granted" in fact]) == 1


async def test_a_nonce_that_comes_with_an_answer_is_in_the_next_proof(
    outrider: Start, oidc: OidcProvider, client: dict[str, Any], api: DpopApi
) -> None:
    running = await outrider(facing(api.url, oidc.profile(client, dpop={})))
    await running.request(b"GET", b"/api")
    api.nonce = "told"
    await running.request(b"GET", b"/api")
    await running.request(b"GET", b"/api")
    assert [claims.get("nonce") for claims in api.claims] == [None, None, "told", "told"]


async def test_retries_have_proofs_of_their_own(
    outrider: Start, oidc: OidcProvider, client: dict[str, Any], api: DpopApi
) -> None:
    running = await outrider(facing(api.url, oidc.profile(client, dpop={}), retry={"backoff": {"base": "1ms"}}))
    api.failures = 2
    assert (await running.request(b"GET", b"/api")).status == 200
    assert api.faults == [""] * 3


async def test_a_token_that_ends_is_replaced_and_the_new_one_is_bound_to_the_same_key(
    outrider: Start, oidc: OidcProvider, client: dict[str, Any], api: DpopApi
) -> None:
    running = await outrider(facing(api.url, oidc.profile(client, dpop={})))
    await running.request(b"GET", b"/api")
    dead = api.requests[0].head.get(b"authorization")
    alive = api.jkt_of
    api.jkt_of = lambda token: "" if dead == b"DPoP " + token.encode() else alive(token)
    api.nonce = "n"
    answer = await running.request(b"POST", b"/api", content=b"abc")
    assert (answer.status, answer.content) == (200, b"abc")
    assert answer.get(b"proxy-status") == b"outrider; attempts=2; refreshed"
    assert api.faults == ["", "invalid_token", ""]


async def test_the_server_itself_takes_what_is_sent_with_its_nonce_in_every_proof(
    outrider: Start, oidc: OidcProvider, client: dict[str, Any]
) -> None:
    first = oidc.tokens(client)["refresh_token"]
    profile = oidc.profile(client, grant="refresh_token", refresh_token=first, dpop={})
    with oidc.wanting_nonces():
        running = await outrider(facing(oidc.url, profile))
        answer = await running.request(b"GET", b"/api/me")
        assert (answer.status, json.loads(answer.content)) == (200, {"sub": "ada"})
        assert answer.get(b"proxy-status") == b"outrider; attempts=2"
        answer = await running.request(b"GET", b"/api/me")
        assert (answer.status, answer.get(b"proxy-status")) == (200, None)
    assert [fact["error"] for fact in oidc.facts(client) if "refused" in fact] == ["use_dpop_nonce"]


async def test_a_proof_that_was_read_on_its_way_is_worth_nothing(
    outrider: Start, oidc: OidcProvider, client: dict[str, Any], api: DpopApi
) -> None:
    running = await outrider(facing(api.url, oidc.profile(client, dpop={})))
    await running.request(b"GET", b"/api/x")
    stolen = [b"%b: %b" % (name, api.requests[0].head.get(name)) for name in (b"authorization", b"dpop")]
    bare = await outrider({"upstreams": {"api": {"url": api.url}}})
    assert (await bare.request(b"GET", b"/x", *stolen)).status == 401
    assert (await bare.request(b"GET", b"/y", *stolen)).status == 401
    assert (await bare.request(b"GET", b"/x", stolen[0])).status == 401
    assert api.faults == ["", "replayed", "htu", "no proof"]


async def test_a_token_of_another_key_is_refused(
    outrider: Start, oidc: OidcProvider, client: dict[str, Any], api: DpopApi
) -> None:
    api.jkt_of = lambda token: "another"
    running = await outrider(facing(api.url, oidc.profile(client, dpop={})))
    assert (await running.request(b"GET", b"/api")).status == 401
    assert set(api.faults) == {"jkt"}


async def test_a_token_that_is_not_bound_is_not_used(outrider: Start) -> None:
    async with TokenServer() as server:
        running = await outrider(facing(server.url, server.profile(dpop={})))
        answer = await running.request(b"GET", b"/api")
        assert (answer.status, answer.code) == (503, "credential_unavailable")
        assert b"not bound to the key of dpop" in answer.content
        assert server.api_requests == []
