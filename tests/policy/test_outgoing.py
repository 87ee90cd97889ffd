from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import LoopDetected
from proxy.message import Exchange
from proxy.policy.outgoing import FORWARDING_FIELDS, OutgoingRules, host_field
from tests.policy.routes import exchange, route


@dataclass
class Credential:
    lines: bytes = b""
    query: bytes = b""
    cookie: bytes = b""


@dataclass
class Content:
    length: int | None

    def take(self) -> bytes | None:
        return None

    async def read(self) -> bytes:
        return b""

    def proceed(self) -> None:
        return None


def _lines(asked: Exchange, rules: OutgoingRules | None = None, **entry: Any) -> list[bytes]:
    head = (rules or OutgoingRules(route(**entry))).encode(asked)
    assert head.endswith(b"\r\n\r\n")
    return head.removesuffix(b"\r\n\r\n").split(b"\r\n")


def _injected(credential: Credential, path: bytes, *fields: tuple[bytes, bytes], **owns: Any) -> list[bytes]:
    asked = exchange(path, *fields)
    asked.injection = credential
    return _lines(asked, OutgoingRules(route(), **owns))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://api.example", b"api.example"),
        ("http://api.example:80/x", b"api.example"),
        ("http://api.example:443", b"api.example:443"),
        ("https://api.example:443", b"api.example"),
        ("https://api.example:8443", b"api.example:8443"),
        ("http://[::1]:8080", b"[::1]:8080"),
        ("http://[::1]", b"[::1]"),
        ("https://bücher.example", b"xn--bcher-kva.example"),
    ],
)
def test_the_host_is_the_upstreams_without_the_schemes_own_port(url: str, host: bytes) -> None:
    assert host_field(url) == host


def test_a_plain_request_has_its_line_host_fields_and_via() -> None:
    lines = _lines(exchange(b"/a%2fb?x=%zz", (b"X-One", b"1"), (b"x-one", b"2")), url="http://api.example/v1")
    assert lines == [
        b"GET /v1/a%2fb?x=%zz HTTP/1.1",
        b"Host: api.example",
        b"X-One: 1",
        b"x-one: 2",
        b"Via: 1.1 outrider",
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW", "M-SEARCH"])
def test_every_method_goes_out_as_it_is(method: str) -> None:
    assert _lines(exchange(b"/x", method=method))[0] == method.encode() + b" /x HTTP/1.1"


_NAMES = st.text("abcXYZ-_", min_size=1, max_size=8).map(lambda name: b"n" + name.encode())
_VALUES = st.binary(max_size=12).map(lambda value: bytes(b for b in value if b == 9 or 0x20 <= b != 0x7F).strip())
_TARGETS = st.text("aZ09-._~%!$&'()*+,;=:@/?", max_size=30).map(lambda text: b"/" + text.encode())


@given(_TARGETS, st.lists(st.tuples(_NAMES, _VALUES), max_size=6))
def test_what_goes_out_is_read_by_a_strict_server_as_what_came_in(
    target: bytes, fields: list[tuple[bytes, bytes]]
) -> None:
    server = h11.Connection(h11.SERVER)
    server.receive_data(OutgoingRules(route()).encode(exchange(target, *fields)))
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert request.target == target
    expected = [(b"host", b"api.example"), *((name.lower(), value) for name, value in fields)]
    assert list(request.headers) == [*expected, (b"via", b"1.1 outrider")]
    assert isinstance(server.next_event(), h11.EndOfMessage)


def test_fields_are_set_in_place_of_the_callers_and_removed() -> None:
    headers = {"set": {"X-Set": "ours"}, "remove": ["X-Gone"]}
    asked = exchange(b"/", (b"x_set", b"theirs"), (b"X-SET", b"theirs"), (b"x-gone", b"1"), (b"x_GONE", b"2"))
    assert _lines(asked, headers=headers)[1:] == [b"Host: api.example", b"X-Set: ours", b"Via: 1.1 outrider"]


def test_a_routes_fields_stand_in_place_of_its_upstreams() -> None:
    routes = [{"match": "* /**", "headers": {"set": {"X-Route": "1"}}}]
    lines = _lines(exchange(), headers={"set": {"X-Upstream": "1"}}, routes=routes)
    assert b"X-Route: 1" in lines
    assert b"X-Upstream: 1" not in lines


@pytest.mark.parametrize("name", FORWARDING_FIELDS)
def test_forwarding_fields_go_on_only_where_they_are_asked_for(name: bytes) -> None:
    asked = exchange(b"/", (name.title(), b"secret place"), (name.replace(b"-", b"_"), b"look-alike"))
    assert not [line for line in _lines(asked) if b"secret place" in line or b"look-alike" in line]
    assert name.title() + b": secret place" in _lines(asked, forwarded=True)


@pytest.mark.parametrize("name", [b"authorization", b"AUTHORIZATION", b"Authorization"])
def test_the_credential_stands_in_place_of_the_callers_own(name: bytes) -> None:
    lines = _injected(
        Credential(lines=b"Authorization: Bearer ours\r\n"), b"/", (name, b"theirs"), owned=[b"authorization"]
    )
    assert [line for line in lines if b"uthorization" in line.lower()] == [b"Authorization: Bearer ours"]


@given(st.data())
def test_no_spelling_of_the_credentials_field_gets_past(data: st.DataObject) -> None:
    name = "".join(data.draw(st.sampled_from([c, c.upper(), "_" if c == "-" else c])) for c in "x-api-key").encode()
    lines = _injected(Credential(lines=b"X-Api-Key: ours\r\n"), b"/", (name, b"theirs"), owned=[b"x-api-key"])
    assert not [line for line in lines if b"theirs" in line]


def test_a_field_that_is_set_never_stands_beside_the_credentials() -> None:
    entry = route(headers={"set": {"x_api_key": "configured"}})
    asked = exchange()
    asked.injection = Credential(lines=b"X-Api-Key: ours\r\n")
    lines = _lines(asked, OutgoingRules(entry, [b"x-api-key"]))
    assert not [line for line in lines if b"configured" in line]


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        (b"/x", b"/x?key=ours"),
        (b"/x?", b"/x?&key=ours"),
        (b"/x?a=1&b", b"/x?a=1&b&key=ours"),
        (b"/x?key=theirs", b"/x?key=ours"),
        (b"/x?a=1&key=theirs&key&b=%zz", b"/x?a=1&b=%zz&key=ours"),
        (b"/x?%6bey=theirs&k%65%79=theirs", b"/x?key=ours"),
        (b"/x?KEY=1&mykey=2&a=key=3", b"/x?KEY=1&mykey=2&a=key=3&key=ours"),
        (b"/x?a=1?key=2", b"/x?a=1?key=2&key=ours"),
    ],
)
def test_the_credentials_parameter_stands_in_place_of_the_callers_own(target: bytes, sent: bytes) -> None:
    lines = _injected(Credential(query=b"key=ours"), target, query_name=b"key")
    assert lines[0] == b"GET " + sent + b" HTTP/1.1"


@given(st.data())
def test_no_spelling_of_the_credentials_parameter_gets_past(data: st.DataObject) -> None:
    name = "".join(data.draw(st.sampled_from([c, f"%{ord(c):02x}", f"%{ord(c):02X}"])) for c in "api_key").encode()
    lines = _injected(Credential(query=b"api_key=ours"), b"/x?" + name + b"=theirs", query_name=b"api_key")
    assert lines[0] == b"GET /x?api_key=ours HTTP/1.1"


def test_the_asterisk_takes_no_parameter() -> None:
    asked = exchange(b"*", method="OPTIONS")
    asked.injection = Credential(query=b"key=ours")
    assert _lines(asked, OutgoingRules(route(), query_name=b"key"))[0] == b"OPTIONS * HTTP/1.1"


@pytest.mark.parametrize(
    ("cookies", "sent"),
    [
        ([], b"sid=ours"),
        ([b"a=1"], b"a=1; sid=ours"),
        ([b"a=1; sid=theirs; b=2"], b"a=1; b=2; sid=ours"),
        ([b"sid=theirs"], b"sid=ours"),
        ([b" sid =theirs;sid=theirs"], b"sid=ours"),
        ([b"a=1", b"sid=theirs", b"b=sid=2"], b"a=1; b=sid=2; sid=ours"),
        ([b"SID=1; ;"], b"SID=1; sid=ours"),
    ],
)
def test_the_credentials_cookie_stands_in_place_of_the_callers_own(cookies: list[bytes], sent: bytes) -> None:
    fields = [(b"Cookie", value) for value in cookies]
    lines = _injected(Credential(cookie=b"sid=ours"), b"/", *fields, cookie_name=b"sid")
    assert [line for line in lines if line.lower().startswith(b"cookie")] == [b"Cookie: " + sent]


def test_a_cookie_field_in_another_spelling_is_no_way_around() -> None:
    fields = [(b"COOKIE", b"sid=theirs"), (b"cookie", b"a=1")]
    lines = _injected(Credential(cookie=b"sid=ours"), b"/", *fields, cookie_name=b"sid")
    assert [line for line in lines if b"theirs" in line] == []


def test_via_goes_on_in_order_with_ours_behind_it() -> None:
    asked = exchange()
    asked.via = [b"1.0 fred, 1.1 nginx", b"1.1 other (outrider)"]
    assert [line for line in _lines(asked) if line.startswith(b"Via")] == [
        b"Via: 1.0 fred, 1.1 nginx",
        b"Via: 1.1 other (outrider)",
        b"Via: 1.1 outrider",
    ]


@pytest.mark.parametrize(
    "via", [b"1.1 outrider", b"1.0 a, 1.1 Outrider", b"HTTP/1.1 outrider (x)", b"1.1 outrider, 1.1 b"]
)
def test_our_own_via_coming_back_is_a_loop(via: bytes) -> None:
    asked = exchange()
    asked.via = [b"1.1 a", via]
    with pytest.raises(LoopDetected):
        _lines(asked)


def _with_mark(via: bytes) -> bytes:
    asked = exchange()
    asked.via = [via]
    return OutgoingRules(route(), mark=b"ab12").encode(asked)


def test_another_outrider_on_the_way_is_no_loop() -> None:
    assert _with_mark(b"1.1 outrider (cd34)").endswith(b"Via: 1.1 outrider (cd34)\r\nVia: 1.1 outrider (ab12)\r\n\r\n")


def test_the_same_outrider_again_is_a_loop() -> None:
    with pytest.raises(LoopDetected):
        _with_mark(b"1.1 outrider (ab12), 1.1 x")


def test_a_loop_whose_marks_are_lost_ends_all_the_same() -> None:
    _with_mark(b", ".join([b"1.1 outrider"] * 8))
    with pytest.raises(LoopDetected):
        _with_mark(b", ".join([b"1.1 outrider"] * 9))


@pytest.mark.parametrize(("length", "framing"), [(0, b"Content-Length: 0"), (7, b"Content-Length: 7")])
def test_content_of_known_length_is_framed_by_it(length: int, framing: bytes) -> None:
    asked = exchange(method="POST")
    asked.content = Content(length)
    assert _lines(asked)[-1] == framing


def test_content_of_unknown_length_is_framed_in_chunks() -> None:
    asked = exchange(method="POST")
    asked.content = Content(None)
    assert _lines(asked)[-1] == b"Transfer-Encoding: chunked"


def test_a_caller_that_waits_for_continue_makes_us_wait_too() -> None:
    asked = exchange(method="POST")
    asked.content, asked.expects_continue = Content(7), True
    assert _lines(asked)[-2:] == [b"Expect: 100-continue", b"Content-Length: 7"]


def test_an_upgrade_is_asked_for_as_a_hop_of_our_own() -> None:
    asked = exchange()
    asked.upgrade = b"websocket"
    assert _lines(asked)[-2:] == [b"Connection: Upgrade", b"Upgrade: websocket"]


@given(st.text(min_size=1, max_size=10))
def test_a_parameters_name_is_compared_in_its_decoded_form(name: str) -> None:
    raw = name.encode("utf-8", "surrogatepass")
    lines = _injected(Credential(query=b"k=ours"), b"/?" + quote(raw, safe="").encode() + b"=theirs", query_name=raw)
    assert lines[0] == b"GET /?k=ours HTTP/1.1"
