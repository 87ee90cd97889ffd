"""Who may call, as far as a head tells: Host × Origin × Sec-Fetch-Site × listener; foreign ones reach nothing."""

import itertools

import pytest

from tests.peers.caller import Answer, Caller
from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import Outrider, facing
from tests.peers.scripts import answers

_ALLOWED_ORIGIN = b"https://app.example"

_OWN_HOSTS = (b"127.0.0.1:PORT", b"localhost:PORT", b"LOCALHOST:PORT", b"[::1]:PORT", b"named.example:PORT")
_FOREIGN_HOSTS = (
    b"evil.example",
    b"evil.example:PORT",
    b"localhost.evil.example:PORT",
    b"127.0.0.1.nip.io:PORT",
    b"127.0.0.1:1",
    b"localhost:1",
    b"127.0.0.1",
    b"localhost",
    b"0.0.0.0:PORT",
    b"127.0.0.2:PORT",
    b"127.1:PORT",
    b"2130706433:PORT",
    b"[::]:PORT",
    b"named.example.:PORT",
    b"evil-named.example:PORT",
    b"upstream.example",
)
_OWN_BROWSER = ((None, None), (None, b"none"), (None, b"same-origin"))
_FOREIGN_ORIGINS = (
    b"null",
    b"https://evil.example",
    b"http://app.example",
    b"https://app.example.evil.example",
    b"https://app.example:444",
    b"https://app.example/",
    b"https://evil.example, https://app.example",
    b"file://",
    b"",
)
_SITES = (None, b"none", b"same-origin", b"same-site", b"cross-site", b"", b"odd")
_METHODS = (b"GET", b"POST", b"HEAD", b"OPTIONS", b"DELETE")


def _config(url: str) -> dict[str, object]:
    access = {"hosts": ["named.example"], "origins": [_ALLOWED_ORIGIN.decode()]}
    return facing(url, access=access)


async def _ask(
    port: int,
    host: bytes,
    origin: bytes | None = None,
    site: bytes | None = None,
    method: bytes = b"GET",
    target: bytes = b"/",
    *more: bytes,
) -> Answer:
    lines = [b"%b %b HTTP/1.1" % (method, target), b"Host: " + host.replace(b"PORT", b"%d" % port), *more]
    lines += [b"Origin: " + origin] if origin is not None else []
    lines += [b"Sec-Fetch-Site: " + site] if site is not None else []
    async with await Caller.connect(port) as caller:
        await caller.send(b"\r\n".join([*lines, b"", b""]))
        return await caller.answer(method)


async def _assert_refused(answer: Answer, status: int, code: str, method: bytes) -> None:
    assert answer.status == status, answer
    assert not [name for name, _ in answer.fields if name.lower().startswith(b"access-control-")], answer
    if method != b"HEAD":
        assert answer.code == code


@pytest.fixture
async def guarded(outrider):
    """An Outrider before an upstream that must hear nothing from strangers."""
    async with RawUpstream(answers()) as upstream:
        running: Outrider = await outrider(_config(upstream.url))
        yield running, upstream


@pytest.mark.parametrize("method", _METHODS)
async def test_a_foreign_host_is_421_whatever_else_it_says(guarded, method):
    running, upstream = guarded
    browsers = [*_OWN_BROWSER, (_ALLOWED_ORIGIN, b"cross-site"), (b"https://evil.example", None)]
    for host, (origin, site) in itertools.product(_FOREIGN_HOSTS, browsers):
        answer = await _ask(running.port, host, origin, site, method)
        await _assert_refused(answer, 421, "host_not_allowed", method)
    assert not upstream.connections


@pytest.mark.parametrize("method", _METHODS)
async def test_a_foreign_origin_is_403_on_the_proxy(guarded, method):
    running, upstream = guarded
    for host, origin, site in itertools.product(_OWN_HOSTS[:2], _FOREIGN_ORIGINS, _SITES):
        answer = await _ask(running.port, host, origin, site, method)
        await _assert_refused(answer, 403, "origin_not_allowed", method)
    assert not upstream.connections


@pytest.mark.parametrize("site", [b"same-site", b"cross-site", b"", b"odd", b"none, cross-site"])
async def test_a_fetch_from_another_site_is_403_even_without_an_origin(guarded, site):
    running, upstream = guarded
    for method in _METHODS:
        answer = await _ask(running.port, b"localhost:PORT", None, site, method)
        await _assert_refused(answer, 403, "origin_not_allowed", method)
    assert not upstream.connections


async def test_repeated_browser_fields_do_not_hide_the_foreign_one(guarded):
    running, upstream = guarded
    for more in (
        (b"Origin: https://app.example", b"Origin: https://evil.example"),
        (b"Origin: https://evil.example", b"Origin: https://app.example"),
        (b"Sec-Fetch-Site: none", b"Sec-Fetch-Site: cross-site"),
        (b"Sec-Fetch-Site: cross-site", b"sec-fetch-site: none"),
    ):
        answer = await _ask(running.port, b"localhost:PORT", None, None, b"GET", b"/", *more)
        assert answer.status in (400, 403), (more, answer)
    assert not upstream.connections


@pytest.mark.parametrize("target", [b"/", b"/metrics", b"/api/config", b"/livez", b"/readyz", b"/nowhere"])
async def test_the_admin_listener_refuses_strangers_too(guarded, target):
    running, _ = guarded
    for host in _FOREIGN_HOSTS:
        for method in (b"GET", b"POST"):
            answer = await _ask(running.admin_port, host, None, None, method, target)
            await _assert_refused(answer, 421, "host_not_allowed", method)
    for origin, site in itertools.product(_FOREIGN_ORIGINS, _SITES):
        answer = await _ask(running.admin_port, b"localhost:PORT", origin, site, b"GET", target)
        await _assert_refused(answer, 403, "origin_not_allowed", b"GET")
    for site in (b"same-site", b"cross-site"):
        answer = await _ask(running.admin_port, b"localhost:PORT", None, site, b"GET", target)
        await _assert_refused(answer, 403, "origin_not_allowed", b"GET")


async def test_the_host_of_one_listener_is_foreign_to_the_other(guarded):
    running, upstream = guarded
    assert (await _ask(running.port, b"127.0.0.1:%d" % running.admin_port)).code == "host_not_allowed"
    assert (await _ask(running.admin_port, b"127.0.0.1:%d" % running.port, target=b"/livez")).code == "host_not_allowed"
    assert not upstream.connections


async def test_our_own_names_are_served(guarded):
    running, upstream = guarded
    for host, (origin, site) in itertools.product(_OWN_HOSTS, _OWN_BROWSER):
        assert (await _ask(running.port, host, origin, site)).status == 200, (host, site)
    assert len(upstream.heads) == len(_OWN_HOSTS) * len(_OWN_BROWSER)
    assert (await _ask(running.admin_port, b"localhost:PORT", target=b"/livez")).status == 200


async def test_the_admin_listeners_own_pages_are_no_strangers_there_and_nowhere_else(guarded):
    running, upstream = guarded
    for host in _OWN_HOSTS:
        own = b"http://" + host.replace(b"PORT", b"%d" % running.admin_port)
        for site in (None, b"same-origin"):
            answer = await _ask(running.admin_port, host, own, site, b"POST", b"/api/no-such")
            assert (answer.status, answer.code) == (404, "not_found"), (own, site)
            answer = await _ask(running.port, host, own, site)
            await _assert_refused(answer, 403, "origin_not_allowed", b"GET")
        for other in (own.replace(b"http:", b"https:"), own + b"1", own.rpartition(b":")[0], own + b"/", b"null"):
            answer = await _ask(running.admin_port, host, other, None, b"POST", b"/api/no-such")
            await _assert_refused(answer, 403, "origin_not_allowed", b"POST")
        answer = await _ask(running.admin_port, host, own, b"cross-site", b"POST", b"/api/no-such")
        await _assert_refused(answer, 403, "origin_not_allowed", b"POST")
    assert not upstream.connections


async def test_a_listed_origin_gets_exactly_its_own_cors(guarded):
    running, upstream = guarded
    for site in _SITES:
        answer = await _ask(running.port, b"localhost:PORT", _ALLOWED_ORIGIN, site)
        assert answer.status == 200
        assert answer.all(b"access-control-allow-origin") == [_ALLOWED_ORIGIN]
        assert b"origin" in (answer.get(b"vary") or b"").lower()
    assert len(upstream.heads) == len(_SITES)


async def test_an_upstreams_own_permissive_cors_does_not_pass(outrider):
    wide = b"HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\nvary: accept\r\ncontent-length: 0\r\n\r\n"
    async with RawUpstream(answers(wide)) as upstream:
        running = await outrider(_config(upstream.url))
        answer = await _ask(running.port, b"localhost:PORT", _ALLOWED_ORIGIN)
        assert answer.all(b"access-control-allow-origin") == [_ALLOWED_ORIGIN]
        assert b"accept" in b",".join(answer.all(b"vary")).lower()
        assert b"*" not in (await _ask(running.port, b"localhost:PORT")).all(b"access-control-allow-origin")


async def test_a_preflight_of_a_listed_origin_is_answered_for_it_alone(guarded):
    running, _ = guarded
    more = (b"Access-Control-Request-Method: PUT", b"Access-Control-Request-Headers: x-a, content-type")
    answer = await _ask(running.port, b"localhost:PORT", _ALLOWED_ORIGIN, b"cross-site", b"OPTIONS", b"/x", *more)
    assert answer.status in (200, 204)
    assert answer.all(b"access-control-allow-origin") == [_ALLOWED_ORIGIN]
    assert b"*" not in b",".join(value for name, value in answer.fields if name.lower().startswith(b"access-control-"))
    assert b"PUT" in (answer.get(b"access-control-allow-methods") or b"")
    foreign = await _ask(running.port, b"localhost:PORT", b"https://evil.example", None, b"OPTIONS", b"/x", *more)
    await _assert_refused(foreign, 403, "origin_not_allowed", b"OPTIONS")


async def test_an_upgrade_from_a_foreign_page_reaches_nothing(guarded):
    running, upstream = guarded
    upgrade = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13")
    for origin in (b"https://evil.example", b"null"):
        answer = await _ask(running.port, b"localhost:PORT", origin, None, b"GET", b"/", *upgrade)
        await _assert_refused(answer, 403, "origin_not_allowed", b"GET")
    assert not upstream.connections


async def test_a_rebound_name_is_refused_before_its_request_is_looked_at(guarded):
    running, upstream = guarded
    answer = await _ask(running.port, b"rebound.evil.example:PORT", None, b"same-origin", b"GET", b"/no/such/route")
    assert answer.code == "host_not_allowed"
    assert not upstream.connections


async def test_a_host_that_a_route_matches_is_our_own(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, upstream={"match": {"host": "user.localhost"}}))
        assert (await _ask(running.port, b"user.localhost:PORT")).status == 200
        assert (await _ask(running.port, b"USER.localhost:PORT")).status == 200
        assert (await _ask(running.port, b"localhost:PORT")).code == "route_not_found"
        assert (await _ask(running.port, b"other.localhost:PORT")).code == "host_not_allowed"


async def test_a_named_caller_needs_its_token_and_the_token_stays_here(outrider):
    callers = {"job": {"token": "caller-token-canary", "methods": ["GET"], "paths": ["/open/**"]}}
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, access={"callers": callers}))
        right = b"Outrider-Token: caller-token-canary"
        assert (await running.request(b"GET", b"/open/x")).code == "caller_not_allowed"
        assert (await running.request(b"GET", b"/open/x", b"Outrider-Token: wrong")).code == "caller_not_allowed"
        assert not upstream.connections
        assert (await running.request(b"GET", b"/open/x", right)).status == 200
        assert b"caller-token-canary" not in upstream.connections[0].arrived
        assert (await running.request(b"POST", b"/open/x", right)).status in (401, 403)
        assert (await running.request(b"GET", b"/closed", right)).status in (401, 403)
        for spelling in (b"/open/../closed", b"/open/%2e%2e/closed", b"/open/%252e%252e/closed", b"/open/..;/closed"):
            answer = await running.request(b"GET", spelling, right)
            assert answer.status in (400, 401, 403), spelling
        for spelling in (b"/open/a%2f..%2f..%2fclosed", b"/open\\..\\closed", b"/open/%5c..", b"/open/%00"):
            assert (await running.request(b"GET", spelling, right)).status in (400, 401, 403), spelling
        assert len(upstream.heads) == 1
