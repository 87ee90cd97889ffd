import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import HostNotAllowed, OriginNotAllowed
from proxy.policy.guard import LOOPBACK_NAMES, Guard, allowed_hosts, host_name

_GUARD = Guard(allowed_hosts([*LOOPBACK_NAMES, "box.example:9000"], [8080]), ["https://App.example"])


def _allows(guard: Guard, host: bytes) -> bool:
    try:
        guard.check_host(host)
    except HostNotAllowed:
        return False
    return True


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b"LocalHost:80", b"localhost"),
        (b"a.example", b"a.example"),
        (b"[::1]", b"[::1]"),
        (b"[::1]:8080", b"[::1]"),
        (b"a:b:80", b"a:b"),
    ],
)
def test_a_host_values_name_is_without_its_port_and_in_lower_case(value: bytes, name: bytes) -> None:
    assert host_name(value) == name


def test_each_name_is_allowed_with_each_port() -> None:
    assert allowed_hosts(["a", "b"], [1, 2]) == {b"a:1", b"a:2", b"b:1", b"b:2"}


def test_a_name_with_a_port_of_its_own_is_allowed_with_that_alone() -> None:
    assert allowed_hosts(["a:9"], [1]) == {b"a:9"}


def test_on_port_80_a_name_is_enough() -> None:
    assert allowed_hosts(["a"], [80]) == {b"a", b"a:80"}


@pytest.mark.parametrize(
    "host", [b"localhost:8080", b"LOCALHOST:8080", b"127.0.0.1:8080", b"[::1]:8080", b"box.example:9000"]
)
def test_a_listed_host_is_let_in_whatever_its_case(host: bytes) -> None:
    assert _allows(_GUARD, host)


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"localhost",
        b"localhost:80",
        b"localhost:8081",
        b"localhost.:8080",
        b"127.0.0.2:8080",
        b"0.0.0.0:8080",
        b"box.example:8080",
        b"box.example",
        b"localhost:8080.evil.example",
        b"evil.example:8080",
        b"localhost:08080",
    ],
)
def test_every_other_host_is_refused(host: bytes) -> None:
    assert not _allows(_GUARD, host)


@given(st.binary(max_size=30))
def test_no_host_is_let_in_that_is_not_listed(host: bytes) -> None:
    assert _allows(_GUARD, host) == (host.lower() in allowed_hosts([*LOOPBACK_NAMES, "box.example:9000"], [8080]))


def test_on_a_unix_socket_a_name_is_enough_and_its_port_does_not_matter() -> None:
    guard = Guard(frozenset({b"localhost"}), any_port=True)
    assert [_allows(guard, host) for host in (b"localhost", b"LOCALHOST:1", b"evil.example", b"evil:80")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("site", [None, b"none", b"same-origin"])
def test_what_no_web_page_sent_is_let_in_without_cors(site: bytes | None) -> None:
    assert _GUARD.check_browser(None, site) is False


@pytest.mark.parametrize("site", [b"cross-site", b"same-site", b"", b"None", b"same-origin, none"])
def test_a_fetch_from_elsewhere_is_refused_even_without_an_origin(site: bytes) -> None:
    with pytest.raises(OriginNotAllowed):
        _GUARD.check_browser(None, site)


@pytest.mark.parametrize("site", [None, b"none", b"same-origin", b"cross-site"])
def test_a_listed_origin_is_let_in_with_cors_wherever_it_is(site: bytes | None) -> None:
    assert _GUARD.check_browser(b"https://app.EXAMPLE", site) is True


@pytest.mark.parametrize(
    "origin", [b"", b"null", b"https://evil.example", b"http://app.example", b"https://app.example:444", b"*"]
)
@pytest.mark.parametrize("site", [None, b"none", b"same-origin"])
def test_every_other_origin_is_refused_whatever_the_site_says(origin: bytes, site: bytes | None) -> None:
    with pytest.raises(OriginNotAllowed):
        _GUARD.check_browser(origin, site)
