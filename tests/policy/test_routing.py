from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadRequest, RouteNotFound
from proxy.policy import routing
from proxy.policy.routing import PathPattern, is_ambiguous, join_path, matchable
from tests.policy.routes import table

_TARGET = st.binary(max_size=30).map(lambda tail: b"/" + tail.replace(b" ", b"").replace(b"#", b""))
_PREFIXES = table(
    root={}, a={"match": {"prefix": "/a"}}, ab={"match": {"prefix": "/a/b"}}, slash={"match": {"prefix": "/s"}}
)


def _met(target: bytes, host: bytes = b"localhost") -> str:
    return _PREFIXES.match(host, "GET", target).route.upstream.name


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (b"/", "root"),
        (b"/a", "a"),
        (b"/a/", "a"),
        (b"/a?b", "a"),
        (b"/a/x", "a"),
        (b"/ab", "root"),
        (b"/a/b", "ab"),
        (b"/a/b/c", "ab"),
        (b"/a/bc", "a"),
        (b"/A/b", "root"),
        (b"/%61/b", "root"),
        (b"/a%2fb", "root"),
        (b"/s", "slash"),
        (b"/s/x", "slash"),
        (b"//a", "root"),
        (b"*", "root"),
    ],
)
def test_the_longest_prefix_of_whole_segments_wins(target: bytes, name: str) -> None:
    assert _met(target) == name


def test_the_order_in_the_file_does_not_matter_to_prefixes() -> None:
    turned = table(ab={"match": {"prefix": "/a/b"}}, a={"match": {"prefix": "/a"}}, root={})
    for target in (b"/", b"/a", b"/a/b", b"/a/bc"):
        assert turned.match(b"h", "GET", target).route.upstream.name == _met(target)


def test_a_host_comes_before_every_prefix() -> None:
    both = table(named={"match": {"host": "Api.localhost"}}, prefixed={"match": {"prefix": "/a"}})
    assert both.match(b"api.localhost", "GET", b"/a").route.upstream.name == "named"
    assert both.match(b"localhost", "GET", b"/a").route.upstream.name == "prefixed"
    assert both.hosts == {b"api.localhost"}


def test_a_host_whose_prefixes_do_not_fit_leaves_the_request_to_the_others() -> None:
    both = table(named={"match": {"host": "api.localhost", "prefix": "/a"}}, rest={})
    assert both.match(b"api.localhost", "GET", b"/b").route.upstream.name == "rest"


def test_no_upstream_is_an_error_of_its_own() -> None:
    with pytest.raises(RouteNotFound):
        table(a={"match": {"prefix": "/a"}}).match(b"localhost", "GET", b"/b")


@given(_TARGET)
def test_what_stands_below_the_prefix_is_passed_byte_for_byte(target: bytes) -> None:
    assert _PREFIXES.match(b"h", "GET", b"/a/b" + target).rest == target
    kept = table(a={"match": {"prefix": "/a/b"}, "keep_prefix": True})
    assert kept.match(b"h", "GET", b"/a/b" + target).rest == b"/a/b" + target


@given(st.sampled_from([b"", b"/v1", b"/v1/x%2fy"]), _TARGET)
def test_a_base_path_and_a_target_are_joined_byte_for_byte(base: bytes, target: bytes) -> None:
    assert join_path(base, target) == base + target


@pytest.mark.parametrize(
    ("base", "rest", "target"),
    [(b"", b"", b"/"), (b"", b"?a", b"/?a"), (b"/v1", b"", b"/v1"), (b"/v1", b"?a", b"/v1?a"), (b"/v1", b"*", b"*")],
)
def test_a_target_begins_with_a_slash_or_is_the_asterisk(base: bytes, rest: bytes, target: bytes) -> None:
    assert join_path(base, rest) == target


_SPELLINGS = [
    b"..",
    b".",
    b"%2e%2e",
    b"%2E.",
    b".%2e",
    b"%252e%252e",
    b"%25252e.",
    b"..;",
    b"..;a=b",
    b"..%3b",
    b"%2e%2e%3Bx",
    b"..%253b",
    b"%25%32%65%25%32%65",
    b"%2%65.",
    b"a%2fb",
    b"a%2Fb",
    b"a%5cb",
    b"a\\b",
    b"a%00b",
    b"a\x00b",
    b"a%252fb",
    b"a%25252fb",
    b"a%255Cb",
    b"a%2500",
    b"a%2%66b",
    b"a%25%32%66b",
    b"a%25%35%63b",
]


@pytest.mark.parametrize("segment", _SPELLINGS)
def test_every_spelling_of_a_separator_or_dot_segment_is_ambiguous(segment: bytes) -> None:
    for path in (b"/" + segment, b"/a/" + segment, b"/a/" + segment + b"/b"):
        assert is_ambiguous(path), path


@pytest.mark.parametrize("path", [b"//a", b"/a//b", b"/a//"])
def test_an_empty_segment_is_ambiguous(path: bytes) -> None:
    assert is_ambiguous(path)


@pytest.mark.parametrize(
    "path",
    [
        b"/",
        b"/a.b",
        b"/.hidden",
        b"/a..b/...",
        b"/%20%c3%bc",
        b"/a;v=1/b",
        b"/100%25",
        b"/a%3fb",
        b"/%2ehidden",
    ],
)
def test_a_plain_path_is_not_ambiguous(path: bytes) -> None:
    assert not is_ambiguous(path)


@given(
    st.lists(st.sampled_from([b"/", b"a", b".", b"%", b"2", b"5", b"e", b"f", b"c", b"0", b";", b"3b"]), max_size=14)
)
def test_an_unambiguous_path_has_no_dot_segment_however_often_it_is_decoded(parts: list[bytes]) -> None:
    path = b"/" + b"".join(parts)
    if is_ambiguous(path):
        return
    slashes = path.count(b"/")
    for _ in range(6):
        assert path.count(b"/") == slashes
        assert not {b".", b".."} & {segment.partition(b";")[0] for segment in path.split(b"/")}
        path = unquote_to_bytes(path)


def test_a_path_that_is_encoded_again_and_again_is_refused_without_much_work() -> None:
    assert is_ambiguous(b"/%" + b"25" * 8000 + b"41")


@pytest.mark.parametrize(
    ("pattern", "fits", "not_fits"),
    [
        ("/orders/*", [b"/orders/1", b"/orders/"], [b"/orders", b"/orders/1/2", b"/orders2/1"]),
        ("/files/**", [b"/files", b"/files/", b"/files/a/b"], [b"/filesa", b"/file"]),
        ("/a/*/c", [b"/a/b/c"], [b"/a/c", b"/a/b/b/c", b"/a/b/c/d"]),
        ("/a.c", [b"/a.c"], [b"/abc"]),
        ("/v*/x", [b"/v1/x", b"/v/x"], [b"/w1/x"]),
        ("/**", [b"/", b"/a/b"], [b"*"]),
        ("/(a|b)+", [b"/(a|b)+"], [b"/a"]),
    ],
)
def test_a_star_is_one_segment_and_two_are_everything_below(
    pattern: str, fits: list[bytes], not_fits: list[bytes]
) -> None:
    made = PathPattern(pattern)
    assert [path for path in fits if not made.fits(path)] == []
    assert [path for path in not_fits if made.fits(path)] == []


_ROUTED = table(
    api={
        "match": {"prefix": "/api"},
        "auth": "none",
        "routes": [
            {"match": "GET,HEAD /open/**"},
            {"match": "* /orders/*"},
            {"match": "POST /orders/**"},
        ],
    }
)


@pytest.mark.parametrize(
    ("method", "target", "index"),
    [
        ("GET", b"/api/open/x", 0),
        ("HEAD", b"/api/open", 0),
        ("POST", b"/api/open/x", 3),
        ("BREW", b"/api/orders/1", 1),
        ("POST", b"/api/orders/1", 1),
        ("POST", b"/api/orders/1/2", 2),
        ("GET", b"/api/orders/1/2", 3),
        ("GET", b"/api/%6fpen/x?/orders/1", 0),
        ("GET", b"/api", 3),
    ],
)
def test_the_first_route_that_fits_is_met_and_else_the_upstream_itself(method: str, target: bytes, index: int) -> None:
    entry = _ROUTED.entries["api"]
    assert _ROUTED.match(b"h", method, target).route is entry.routes[index]


def test_routes_are_numbered_through_the_whole_table() -> None:
    assert [entry.number for entry in _ROUTED.routes] == [0, 1, 2, 3]
    assert _ROUTED.routes[3].route is None


def test_an_ambiguous_path_is_refused_where_a_pattern_decides_and_passed_elsewhere() -> None:
    for method in ("GET", "POST", "BREW"):
        with pytest.raises(BadRequest):
            _ROUTED.match(b"h", method, b"/api/open/%2e%2e/orders/1")
    assert _PREFIXES.match(b"h", "GET", b"/a/%2e%2e/x").rest == b"/%2e%2e/x"


def test_a_query_is_never_ambiguous() -> None:
    assert matchable(b"/a?x=../%2f\\") == b"/a"


@given(st.binary(max_size=20).map(lambda rest: b"/" + rest))
def test_what_patterns_see_is_the_decoded_path(rest: bytes) -> None:
    path = rest.partition(b"?")[0]
    try:
        seen = matchable(rest)
    except BadRequest:
        assert is_ambiguous(path)
    else:
        assert seen == unquote_to_bytes(path)


def test_invented_methods_do_not_grow_what_is_remembered() -> None:
    entry = _ROUTED.entries["api"]
    for number in range(3 * routing._REMEMBERED_METHODS):
        assert entry.pick(f"M{number}", b"/orders/1") is entry.routes[1]
    assert len(entry._by_method) <= routing._REMEMBERED_METHODS
