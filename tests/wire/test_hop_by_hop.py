"""Which fields end here, which go on, and which are ours (RFC 9110 §7.6)."""

import pytest

from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import TOKEN, facing
from tests.peers.scripts import OK, answers

_BEARER = b"Bearer " + TOKEN.encode()

_ENDS_HERE = (
    b"Keep-Alive: timeout=5",
    b"Proxy-Connection: keep-alive",
    b"TE: trailers",
    b"Trailer: X-T",
    b"Upgrade: h2c",
    b"Proxy-Authenticate: Basic",
    b"Proxy-Authorization: Basic eA==",
    b"Forwarded: for=1.2.3.4",
    b"X-Forwarded-For: 1.2.3.4",
    b"X-Forwarded-Host: evil.example",
    b"X-Forwarded-Proto: https",
    b"Outrider-Timeout: 5s",
    b"Outrider-Auth: default",
    b"Outrider-Request-Id: abc",
    b"Outrider-Unknown: x",
    b"outrider_auth: none",
    b"Transfer_Encoding: chunked",
    b"Content_Length: 5",
)


@pytest.mark.parametrize("line", _ENDS_HERE, ids=lambda line: line.partition(b":")[0].decode())
async def test_a_field_that_ends_here_does_not_reach_the_upstream(outrider, line):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await running.request(b"GET", b"/", line)
        assert answer.status in (200, 400)
        name = line.partition(b":")[0]
        for head in upstream.heads:
            assert not head.all(name)
            assert head.all(b"authorization") == [_BEARER]


async def test_fields_that_connection_names_end_here(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        lines = (
            b"Connection: X-One, keep-alive,, x-two",
            b"X-One: 1",
            b"X-TWO: 2",
            b"connection: X-Three",
            b"X-Three: 3",
            b"X-Four: 4",
        )
        assert (await running.request(b"GET", b"/", *lines)).status == 200
        head = upstream.heads[0]
        assert not head.all(b"x-one") + head.all(b"x-two") + head.all(b"x-three")
        assert head.all(b"x-four") == [b"4"]
        assert b"x-one" not in (head.get(b"connection") or b"").lower()


@pytest.mark.parametrize("named", [b"authorization", b"Authorization, close", b"host", b"content-length", b"via"])
async def test_connection_cannot_name_away_what_outrider_puts_in(outrider, named):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await running.request(b"POST", b"/", b"Connection: " + named, content=b"abc")
        assert answer.status in (200, 400)
        for request in upstream.requests:
            assert request.head.all(b"authorization") == [_BEARER]
            assert request.head.all(b"host") == [upstream.authority.encode()]
            assert request.head.get(b"via")
            assert request.content == b"abc"


@pytest.mark.parametrize("name", [b"Authorization", b"authorization", b"AUTHORIZATION", b"aUTHORIZATION"])
async def test_the_callers_own_credential_is_replaced(outrider, name):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        lines = (name + b": Basic Y2FsbGVy", b"X: y", b"Authorization: Bearer caller")
        assert (await running.request(b"GET", b"/", *lines)).status == 200
        assert upstream.heads[0].all(b"authorization") == [_BEARER]
        assert b"caller" not in upstream.connections[0].arrived


@pytest.mark.parametrize("name", [b"X-Api-Key", b"x-api-key", b"X_Api_Key", b"x_API-key", b"X-API_KEY"])
async def test_every_spelling_of_the_credentials_field_is_removed(outrider, name):
    key = {"type": "api_key", "in": "header", "name": "X-Api-Key", "key": "real-key"}
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, auth=False, upstream={"auth": "key"}) | {"auth": {"key": key}})
        assert (await running.request(b"GET", b"/", name + b": forged")).status == 200
        folded = [
            value for field, value in upstream.heads[0].fields if field.lower().replace(b"_", b"-") == b"x-api-key"
        ]
        assert folded == [b"real-key"]


async def test_a_query_credential_replaces_the_callers_and_nothing_else(outrider):
    key = {"type": "api_key", "in": "query", "name": "key", "key": "r&al key"}
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, auth=False, upstream={"auth": "key"}) | {"auth": {"key": key}})
        for target in (b"/a", b"/a?", b"/a?b=%2f&c", b"/a?key=forged&b=1", b"/a?b=1&key=forged"):
            assert (await running.request(b"GET", target)).status == 200
        assert all(target.count(b"key=") == 1 for target in upstream.targets)
        assert all(b"key=r%26al%20key" in target or b"key=r%26al+key" in target for target in upstream.targets)
        assert not any(b"forged" in target for target in upstream.targets)
        assert upstream.targets[2].startswith(b"/a?b=%2f&c")


async def test_a_cookie_credential_replaces_the_callers_and_keeps_its_other_cookies(outrider):
    key = {"type": "api_key", "in": "cookie", "name": "sid", "key": "real"}
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, auth=False, upstream={"auth": "key"}) | {"auth": {"key": key}})
        assert (await running.request(b"GET", b"/", b"Cookie: a=1; sid=forged; b=2")).status == 200
        cookies = b"; ".join(upstream.heads[0].all(b"cookie")).split(b"; ")
        assert sorted(cookies) == [b"a=1", b"b=2", b"sid=real"]


async def test_a_caller_may_go_without_the_credential_and_keeps_its_own(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        await running.request(b"GET", b"/", b"Outrider-Auth: none")
        await running.request(b"GET", b"/", b"Outrider-Auth: none", b"Authorization: Bearer mine")
        assert upstream.heads[0].all(b"authorization") == []
        assert upstream.heads[1].all(b"authorization") == [b"Bearer mine"]
        assert not any(head.all(b"outrider-auth") for head in upstream.heads)


async def test_forwarded_fields_go_on_where_the_upstream_asks_for_them(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, upstream={"forwarded": True}))
        await running.request(b"GET", b"/", b"X-Forwarded-For: 1.2.3.4", b"Forwarded: for=1.2.3.4")
        assert upstream.heads[0].all(b"x-forwarded-for") == [b"1.2.3.4"]
        assert upstream.heads[0].all(b"forwarded") == [b"for=1.2.3.4"]


async def test_the_upstream_sees_its_own_host(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url.replace("127.0.0.1", "localhost")))
        await running.request()
        assert upstream.heads[0].all(b"host") == [upstream.authority.replace("127.0.0.1", "localhost").encode()]


async def test_via_is_added_both_ways_after_what_was_there(outrider):
    data = b"HTTP/1.1 200 OK\r\nvia: 1.1 far\r\ncontent-length: 0\r\n\r\n"
    async with RawUpstream(answers(data)) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await running.request(b"GET", b"/", b"Via: 1.0 near")
        there = b", ".join(upstream.heads[0].all(b"via"))
        back = b", ".join(answer.all(b"via"))
        assert there.startswith(b"1.0 near, 1.1 outrider")
        assert back.startswith(b"1.1 far, 1.1 outrider")


async def test_our_own_via_coming_back_is_a_loop(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        await running.request()
        ours = upstream.heads[0].get(b"via")
        answer = await running.request(b"GET", b"/", b"Via: 1.1 other, " + ours)
        assert (answer.status, answer.code) == (508, "loop_detected")
        assert len(upstream.heads) == 1


async def test_an_outrider_that_faces_itself_ends_the_loop(outrider):
    async with RawUpstream(answers()) as upstream:
        free = upstream.port
    running = await outrider(facing(f"http://127.0.0.1:{free}", listen=f"127.0.0.1:{free}"))
    answer = await running.request()
    assert (answer.status, answer.code) == (508, "loop_detected")


_RESPONSE = (
    b"HTTP/1.1 200 OK\r\nconnection: x-one, keep-alive\r\nx-one: 1\r\nkeep-alive: timeout=5\r\nproxy-connection: x\r\n"
    b"proxy-authenticate: Basic\r\ntrailer: x-t\r\nte: x\r\nupgrade: h2c\r\nx-two: 2\r\ncontent-length: 2\r\n\r\nok"
)


async def test_the_upstreams_own_hop_fields_end_here(outrider):
    async with RawUpstream(answers(_RESPONSE)) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await running.request()
        names = {name.lower() for name, _ in answer.fields}
        ends = {b"x-one", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"trailer", b"te", b"upgrade"}
        assert not names & ends
        assert answer.all(b"x-two") == [b"2"]


async def test_every_answer_is_named_and_none_names_our_library(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        for answer in [await running.request(), await running.request(b"GET", b"/a#b")]:
            assert len(answer.all(b"outrider-request-id")) == 1
            assert not any(b"python" in value.lower() or b"aiohttp" in value.lower() for _, value in answer.fields)
            assert all(b"canary" not in value for _, value in answer.fields)


async def test_a_caller_names_its_request(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await running.request(b"GET", b"/", b"Outrider-Request-Id: order-7")
        assert answer.all(b"outrider-request-id") == [b"order-7"]


async def test_fields_are_set_and_removed_both_ways(outrider):
    headers = {
        "set": {"X-Team": "payments"},
        "remove": ["X-Debug"],
        "response": {"set": {"X-Served": "here"}, "remove": ["Server"]},
    }
    data = OK.replace(b"\r\n\r\n", b"\r\nserver: odd\r\nx-served: there\r\n\r\n", 1)
    async with RawUpstream(answers(data)) as upstream:
        running = await outrider(facing(upstream.url, upstream={"headers": headers}))
        answer = await running.request(b"GET", b"/", b"X-Debug: 1", b"x_debug: 2", b"x-team: forged")
        assert upstream.heads[0].all(b"x-team") == [b"payments"]
        assert not upstream.heads[0].all(b"x-debug")
        assert answer.all(b"x-served") == [b"here"]
        assert not answer.all(b"server")


@pytest.mark.parametrize(
    ("location", "arrives"),
    [
        (b"/login?x=%2f", b"/api/login?x=%2f"),
        (b"UPSTREAM/v1/login", b"LOCAL/api/login"),
        (b"UPSTREAM/v1", b"LOCAL/api"),
        (b"https://elsewhere.example/x", b"https://elsewhere.example/x"),
        (b"//elsewhere.example/x", b"//elsewhere.example/x"),
        (b"relative", b"relative"),
        (b"UPSTREAM.evil.example/x", b"UPSTREAM.evil.example/x"),
    ],
)
async def test_a_redirect_into_the_upstream_points_back_here(outrider, location, arrives):
    async with RawUpstream(answers()) as upstream:
        base = b"/v1" + location if location.startswith(b"/login") else location
        base = base.replace(b"UPSTREAM", upstream.url.encode())
        data = b"HTTP/1.1 302 Found\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n" % base
        upstream.script = answers(data)
        running = await outrider(facing(upstream.url + "/v1", upstream={"match": {"prefix": "/api"}}))
        answer = await running.request(b"GET", b"/api/x")
        expected = arrives.replace(b"LOCAL", running.url.encode()).replace(b"UPSTREAM", upstream.url.encode())
        got = answer.get(b"location") or b""
        # A path alone and a whole URL of ours point at the same place.
        assert got.removeprefix(running.url.encode()) == expected.removeprefix(running.url.encode())
        assert len(upstream.heads) == 1


async def test_cookie_paths_point_back_here(outrider):
    lines = b"set-cookie: a=1; Path=/v1/x; HttpOnly\r\nset-cookie: b=2; path=/v1\r\n"
    data = b"HTTP/1.1 200 OK\r\n%bcontent-length: 0\r\n\r\n" % lines
    async with RawUpstream(answers(data)) as upstream:
        running = await outrider(facing(upstream.url + "/v1", upstream={"match": {"prefix": "/api"}}))
        one, two = (await running.request(b"GET", b"/api/x")).all(b"set-cookie")
        assert one.lower() == b"a=1; path=/api/x; httponly"
        assert two.lower() == b"b=2; path=/api"
