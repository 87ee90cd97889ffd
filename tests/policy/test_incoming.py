from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.incoming import IncomingRules
from tests.policy.routes import exchange, route


def _turned(line: bytes, url: str, prefix: str | None = None, **entry: Any) -> bytes:
    match = {} if prefix is None else {"match": {"prefix": prefix}}
    return IncomingRules(route(url, **match, **entry)).rewrite(line, exchange())


_LOCAL = b"http://127.0.0.1:8080"
_PLAIN, _BASED = "http://api.example", "https://api.example/v1"


@pytest.mark.parametrize(
    ("url", "prefix", "location", "turned"),
    [
        (_PLAIN, None, b"http://api.example/x?y#z", _LOCAL + b"/x?y#z"),
        (_PLAIN, None, b"http://api.example", _LOCAL + b"/"),
        (_PLAIN, None, b"http://api.example?x", _LOCAL + b"/?x"),
        (_PLAIN, None, b"HTTP://API.example/X", _LOCAL + b"/X"),
        (_PLAIN, None, b"http://api.example:80/x", _LOCAL + b"/x"),
        (_PLAIN, None, b"/x", b"/x"),
        (_PLAIN, "/api", b"/x", b"/api/x"),
        (_PLAIN, "/api", b"http://api.example/x", _LOCAL + b"/api/x"),
        (_PLAIN, "/api", b"http://api.example?x", _LOCAL + b"/api?x"),
        (_BASED, None, b"/v1/x", b"/x"),
        (_BASED, None, b"/v1", b"/"),
        (_BASED, "/api", b"/v1/x", b"/api/x"),
        (_BASED, "/api", b"/v1", b"/api"),
        (_BASED, "/api", b"/v1?x", b"/api?x"),
        (_BASED, "/api", b"https://api.example:443/v1/x", _LOCAL + b"/api/x"),
        ("http://[::1]:8080", None, b"http://[::1]:8080/x", _LOCAL + b"/x"),
        ("http://[::1]", None, b"http://[::1]:80/x", _LOCAL + b"/x"),
    ],
)
def test_a_location_that_points_into_the_upstream_is_turned_back_here(
    url: str, prefix: str | None, location: bytes, turned: bytes
) -> None:
    for name in (b"Location", b"content-location"):
        assert _turned(name + b":  " + location + b" ", url, prefix) == name + b": " + turned


@pytest.mark.parametrize(
    ("url", "location"),
    [
        (_PLAIN, b"https://api.example/x"),
        (_PLAIN, b"http://api.example:8080/x"),
        (_PLAIN, b"http://api.example.evil.example/x"),
        (_PLAIN, b"http://api.example@evil.example/x"),
        (_PLAIN, b"http://user@api.example/x"),
        (_PLAIN, b"//evil.example/x"),
        (_PLAIN, b"relative/x"),
        (_PLAIN, b"?x"),
        (_PLAIN, b""),
        (_PLAIN, b"mailto:a@b"),
        (_BASED, b"https://api.example/other"),
        (_BASED, b"https://api.example"),
    ],
)
def test_a_location_that_points_elsewhere_passes_as_it_came(url: str, location: bytes) -> None:
    assert _turned(b"Location: " + location, url, "/api") == b"Location: " + location


def test_a_kept_prefix_is_part_of_the_upstreams_own_paths() -> None:
    assert _turned(b"Location: /api/x", _PLAIN, "/api", keep_prefix=True) == b"Location: /api/x"


@given(st.sampled_from(["", "/v1"]), st.sampled_from([None, "/api"]), st.text("ab/?#.", max_size=8))
def test_a_turned_location_leads_to_where_the_upstream_pointed(base: str, prefix: str | None, tail: str) -> None:
    path = base + "/" + tail.lstrip("/")
    line = _turned(b"Location: http://api.example" + path.encode(), f"http://api.example{base}", prefix)
    local = line.removeprefix(b"Location: " + _LOCAL).decode()
    assert local.startswith((prefix or "") + "/")
    assert base + local.removeprefix(prefix or "") == path


@pytest.mark.parametrize(
    ("url", "prefix", "cookie", "turned"),
    [
        (_PLAIN, None, b"a=1", b"a=1"),
        (_PLAIN, "/api", b"a=1; Path=/; Secure", b"a=1; Path=/api/; Secure"),
        (_PLAIN, "/api", b"a=1; path=/x;HttpOnly", b"a=1; Path=/api/x;HttpOnly"),
        (_BASED, "/api", b"a=1; Path=/v1/x", b"a=1; Path=/api/x"),
        (_BASED, "/api", b"a=1; Path=/v1", b"a=1; Path=/api"),
        (_BASED, "/api", b"a=1; Path=/v1/", b"a=1; Path=/api/"),
        (_BASED, "/api", b"a=1; Path=/", b"a=1; Path=/api"),
        (_BASED, None, b"a=1; Path=/", b"a=1; Path=/"),
        ("http://api.example/v1/x", "/api", b"a=1; Path=/v1", b"a=1; Path=/api"),
        ("http://api.example/v1/x", "/api", b"a=1; Path=/v1/", b"a=1; Path=/api"),
        (_BASED, "/api", b"a=1; Path=/v", b"a=1; Path=/v"),
        (_BASED, "/api", b"a=1; Path=/v2", b"a=1; Path=/v2"),
        (_BASED, "/api", b"a=1; Path=odd", b"a=1; Path=odd"),
        (_PLAIN, None, b"a=1; Domain=api.example", b"a=1"),
        (_PLAIN, None, b"a=1; domain=.API.example; Secure", b"a=1; Secure"),
        (_PLAIN, None, b"a=1; Domain=example", b"a=1"),
        (_PLAIN, None, b"a=1; Domain=other.example", b"a=1; Domain=other.example"),
        (_PLAIN, None, b"a=1; Domain=pi.example", b"a=1; Domain=pi.example"),
        (
            _PLAIN,
            "/api",
            b"path=/x; Expires=Wed, 09 Jun 2027 10:18:14 GMT",
            b"path=/x; Expires=Wed, 09 Jun 2027 10:18:14 GMT",
        ),
        (_PLAIN, None, b"a=b=c; Max-Age=1; SameSite=Lax", b"a=b=c; Max-Age=1; SameSite=Lax"),
    ],
)
def test_a_cookies_path_and_domain_are_those_of_the_local_base(
    url: str, prefix: str | None, cookie: bytes, turned: bytes
) -> None:
    assert _turned(b"Set-Cookie: " + cookie, url, prefix) == b"Set-Cookie: " + turned


def _edits(**response: Any) -> IncomingRules:
    return IncomingRules(route(headers={"response": response}))


def test_response_fields_are_set_in_place_of_the_upstreams_and_removed() -> None:
    rules = _edits(set={"X-Set": "ours"}, remove=["Server"])
    assert rules.edits
    lines = [b"server: odd", b"SERVER: odd", b"x_set: theirs", b"x-kept: a:b"]
    assert rules.edit(lines) == [b"x-kept: a:b", b"X-Set: ours"]


def test_nothing_is_edited_where_nothing_is_asked_for() -> None:
    assert not IncomingRules(route()).edits


def test_a_routes_edits_stand_in_place_of_its_upstreams() -> None:
    routes = [{"match": "* /**", "headers": {"response": {"remove": ["X-Route"]}}}]
    rules = IncomingRules(route(headers={"response": {"remove": ["X-Upstream"]}}, routes=routes))
    assert rules.edit([b"x-route: 1", b"x-upstream: 1"]) == [b"x-upstream: 1"]


@pytest.mark.parametrize("path", [b"/v2/x", b"/v10/x", b"/"])
def test_a_path_outside_the_base_is_told_with_its_origin(path: bytes) -> None:
    assert _turned(b"Location: " + path, "https://api.example/v1", "/api") == b"Location: https://api.example" + path


def test_a_location_without_a_scheme_has_the_upstreams() -> None:
    turned = _turned(b"Location: //api.example/v1/x", "https://api.example/v1", "/api")
    assert turned.endswith(b"/api/x")
    assert turned.startswith(b"Location: http://")
    assert _turned(b"Location: //other.example/v1", "https://api.example/v1", "/api") == b"Location: //other.example/v1"
