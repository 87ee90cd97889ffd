from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp.http import RawRequestMessage
from hypothesis import given
from hypothesis import strategies as st

from proxy.edge.head import RequestHead, read_head
from proxy.errors import BadRequest, HeadTooLarge


def _message(*fields: tuple[bytes, bytes], path: str = "/x", version: tuple[int, int] = (1, 1)) -> RawRequestMessage:
    made = SimpleNamespace(path=path, raw_headers=((b"Host", b"a"), *fields), version=version)
    return cast(RawRequestMessage, made)


def _head(*fields: tuple[bytes, bytes], method: str = "GET", **message: Any) -> RequestHead:
    return read_head(_message(*fields, **message), method)


def _is_refused(*fields: tuple[bytes, bytes], method: str = "GET", **message: Any) -> bool:
    try:
        _head(*fields, method=method, **message)
    except BadRequest:
        return True
    return False


def test_end_to_end_fields_are_kept_in_order_as_they_came() -> None:
    fields = [(b"X-One", b"1"), (b"x-one", b"2"), (b"Authorization", b"b"), (b"x_odd", b"\xff")]
    assert _head(*fields).fields == fields


@pytest.mark.parametrize("path", ["/", "/a%2fb?x=%zz", "//a", "/a?b?c", "/ü", "/\udcff"])
def test_a_target_keeps_its_bytes(path: str) -> None:
    assert _head(path=path).target == path.encode("utf-8", "surrogateescape")


@given(st.binary(max_size=20))
def test_bytes_that_are_no_text_stay_what_they_are(tail: bytes) -> None:
    target = b"/" + tail.replace(b"#", b"")
    assert _head(path=target.decode("utf-8", "surrogateescape")).target == target


@pytest.mark.parametrize("path", ["", "a", "http://a/", "a:80", "/a#b", "**", "*/x", "?a"])
def test_only_paths_and_the_asterisk_are_targets(path: str) -> None:
    assert _is_refused(path=path)
    assert not _is_refused(path="*", method="OPTIONS")


@pytest.mark.parametrize("method", ["CONNECT", "TRACE"])
def test_methods_that_do_not_pass(method: str) -> None:
    assert _is_refused(method=method)


@pytest.mark.parametrize("version", [(1, 2), (2, 0), (0, 9)])
def test_versions_that_are_not_spoken(version: tuple[int, int]) -> None:
    assert _is_refused(version=version)


def test_http_1_0_is_known_as_old() -> None:
    assert _head(version=(1, 0)).old
    assert not _head().old


def test_a_request_has_exactly_one_host() -> None:
    assert _is_refused((b"host", b"a"))
    none = cast(RawRequestMessage, SimpleNamespace(path="/", raw_headers=(), version=(1, 1)))
    with pytest.raises(BadRequest):
        read_head(none, "GET")
    assert _head().host == b"a"


@pytest.mark.parametrize("host", [b"", b"a b", b"u@a", b"a/b", b"a,b", b"a:x"])
def test_a_host_is_a_name_with_an_optional_port(host: bytes) -> None:
    odd = cast(RawRequestMessage, SimpleNamespace(path="/", raw_headers=((b"Host", host),), version=(1, 1)))
    with pytest.raises(BadRequest):
        read_head(odd, "GET")


def test_content_has_a_length_or_chunks_and_never_both() -> None:
    assert _head((b"Content-Length", b"12")).length == 12
    assert _head((b"Transfer-Encoding", b"Chunked")).chunked
    assert _is_refused((b"Content-Length", b"1"), (b"Transfer-Encoding", b"chunked"))


@pytest.mark.parametrize("coding", [b"", b"gzip", b"gzip, chunked", b"chunked, chunked", b"identity"])
def test_no_coding_but_chunked_passes(coding: bytes) -> None:
    assert _is_refused((b"Transfer-Encoding", coding))


def test_a_coding_twice_or_in_http_1_0_is_refused() -> None:
    assert _is_refused((b"Transfer-Encoding", b"chunked"), (b"Transfer-Encoding", b"chunked"))
    assert _is_refused((b"Transfer-Encoding", b"chunked"), version=(1, 0))


def test_the_one_expectation_is_known_and_not_for_http_1_0() -> None:
    assert _head((b"Expect", b"100-Continue")).expects
    assert not _head((b"Expect", b"100-continue"), version=(1, 0)).expects
    assert _is_refused((b"Expect", b"miracles"))


@pytest.mark.parametrize("name", [b"TE", b"Trailer", b"Keep-Alive", b"Proxy-Authorization", b"proxy_connection"])
def test_hop_by_hop_fields_end_here(name: bytes) -> None:
    assert _head((name, b"x")).fields == []


@pytest.mark.parametrize("named", [b"x-hop", b"close, X-Hop", b"X_Hop", b"keep-alive,x-hop"])
@pytest.mark.parametrize("name", [b"X-Hop", b"x-hop", b"X_HOP"])
def test_fields_that_connection_names_end_here_in_every_spelling(named: bytes, name: bytes) -> None:
    assert _head((name, b"1"), (b"Connection", named), (b"x-stays", b"2")).fields == [(b"x-stays", b"2")]


def test_an_upgrade_is_wanted_when_connection_says_so_too() -> None:
    upgrade = (b"Upgrade", b"websocket")
    assert _head(upgrade, (b"Connection", b"keep-alive, Upgrade")).upgrade == b"websocket"
    assert _head(upgrade).upgrade is None
    assert _head((b"Connection", b"upgrade")).upgrade is None
    assert _head(upgrade, (b"Connection", b"upgrade"), version=(1, 0)).upgrade is None


@pytest.mark.parametrize(("asked", "kept"), [(b"h2c", None), (b"H2C, websocket", b"websocket"), (b"TLS/1.0", None)])
def test_an_upgrade_that_would_carry_requests_past_us_is_ignored(asked: bytes, kept: bytes | None) -> None:
    assert _head((b"Upgrade", asked), (b"Connection", b"upgrade")).upgrade == kept


def test_via_is_collected_in_order() -> None:
    head = _head((b"Via", b"1.1 a"), (b"via", b"1.0 b, 1.1 c"))
    assert (head.via, head.fields) == ([b"1.1 a", b"1.0 b, 1.1 c"], [])


def test_browsers_fields_are_told_to_the_guard_and_go_on() -> None:
    fields = [(b"Origin", b"https://a"), (b"Sec-Fetch-Site", b"none")]
    head = _head(*fields)
    assert (head.origin, head.site, head.fields) == (b"https://a", b"none", fields)


@pytest.mark.parametrize("name", [b"Origin", b"Sec-Fetch-Site", b"Outrider-Timeout"])
def test_a_field_that_decides_something_is_given_once(name: bytes) -> None:
    assert _is_refused((name, b"1"), (name.lower(), b"1"))


def test_connection_cannot_hide_a_browsers_fields_from_the_guard() -> None:
    head = _head((b"Origin", b"https://evil"), (b"Connection", b"origin"))
    assert (head.origin, head.fields) == (b"https://evil", [])


def test_outriders_own_fields_stay_here() -> None:
    head = _head((b"Outrider-Auth", b"none"), (b"OUTRIDER-Token", b"t"))
    assert (head.own, head.fields) == ({b"outrider-auth": b"none", b"outrider-token": b"t"}, [])


def test_a_name_that_is_no_token_is_refused() -> None:
    assert _is_refused((b"a b", b"1"))
    assert _is_refused((b"a\xff", b"1"))


def test_a_heads_size_is_that_of_its_target_and_fields() -> None:
    message = _message((b"X", b"y" * 90))
    read_head(message, "GET", 200)
    with pytest.raises(HeadTooLarge):
        read_head(message, "GET", 90)
