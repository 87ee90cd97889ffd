from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config import values

ACCEPTED: list[tuple[Callable[[str], str], str]] = [
    (values.field_name, "X-Team"),
    (values.field_value, "a\tb é"),
    (values.name, "payments-api.v2"),
    (values.variable_name, "API_TOKEN"),
    (values.upstream_url, "https://api.example.com:8443/v1/"),
    (values.upstream_url, "http://[::1]:80"),
    (values.upstream_url, "http://under_score.local"),
    (values.origin, "https://api.example.com"),
    (values.browser_origin, "chrome-extension://abc"),
    (values.host_name, "user.localhost"),
    (values.host_value, "proxy:8080"),
    (values.host_value, "[fd00::1]:8080"),
    (values.path_prefix, "/"),
    (values.path_prefix, "/api/v1"),
    (values.path_glob, "/orders/*/items"),
    (values.path_glob, "/files/**"),
    (values.route_pattern, "GET,HEAD /a"),
    (values.route_pattern, "M-SEARCH /a"),
    (values.route_pattern, "* /**"),
    (values.method, "GET"),
]

REFUSED: list[tuple[Callable[[str], str], str]] = [
    *((values.field_name, text) for text in ("", "a b", "a:", "a\r\n", "é", "a\0")),
    *((values.field_value, text) for text in ("a\nb", "a\r", "a\0", " a", "a ", "\x7f")),
    *((values.name, text) for text in ("", "a b", "-a", "a/b", "a" * 65, "a\n")),
    *((values.variable_name, text) for text in ("", "1A", "A-B", "$A", "A\n")),
    *(
        (values.upstream_url, text)
        for text in (
            "",
            "api.example.com",
            "ftp://x",
            "http:/x",
            "http://",
            "http:///path",
            "http://x:0",
            "http://x:99999",
            "http://x:port",
            "http://u:p@x",
            "http://@x",
            "http://x?q",
            "http://x/?",
            "http://x#f",
            "http://a b",
            "http://x/\n",
            "http://é",
            "http://[::1",
            "http://x,y",
            "unix:/x",
        )
    ),
    *((values.origin, text) for text in ("https://x/", "https://x/p", "https://x?q", "x", "ws://x")),
    *((values.browser_origin, text) for text in ("null", "*", "https://x/", "x.com", "https://")),
    *((values.host_name, text) for text in ("", "x:80", "http://x", "x/y", "*.x", "x\n")),
    *((values.host_value, text) for text in ("", "x:", "http://x", "x/y", "x:123456")),
    *((values.path_prefix, text) for text in ("", "api", "/api/", "//", "/a b", "/a?b", "/a#b", "/é")),
    *((values.path_glob, text) for text in ("", "a", "/a b", "/a?b", "/**/a", "/a**", "/a\n")),
    *(
        (values.route_pattern, text)
        for text in ("", "/a", "GET", "get /a", "GET  /a", "GET a", "GET, HEAD /a", "GET /**/a")
    ),
    *((values.method, text) for text in ("", "get", "GET ", "*", "GET,HEAD")),
]


@pytest.mark.parametrize(("rule", "text"), ACCEPTED)
def test_a_rule_accepts_what_is_right(rule: Callable[[str], str], text: str) -> None:
    assert rule(text) == text


@pytest.mark.parametrize(("rule", "text"), REFUSED)
def test_a_rule_refuses_what_is_wrong_and_says_what_would_be_right(rule: Callable[[str], str], text: str) -> None:
    with pytest.raises(ValueError, match=r".; \w"):
        rule(text)


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "content-length",
        "Content_Length",
        "CONNECTION",
        "Keep-Alive",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Proxy-Connection",
        "Proxy-Authorization",
        "Proxy-Authenticate",
        "Expect",
        "Outrider-Auth",
    ],
)
def test_fields_of_the_connection_and_of_outrider_are_not_for_the_file(name: str) -> None:
    with pytest.raises(ValueError, match=r"belongs to the connection|Outrider's own"):
        values.field_name(name)


def message(rule: Callable[[str], str], text: str) -> str:
    """What the rule says; nothing when it accepts."""
    try:
        rule(text)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("rule", sorted({rule for rule, _ in REFUSED}, key=lambda rule: rule.__name__))
@given(text=st.text(max_size=30))
def test_no_message_of_a_rule_shows_the_value(rule: Callable[[str], str], text: str) -> None:
    assert "kanarie" not in message(rule, f"kanarie{text}")


def test_one_field_in_two_cases_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        values.unique_fields({"X-A": "1", "x-a": "2"})


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://Example.com/path", "http://example.com:80"),
        ("https://example.com", "https://example.com:443"),
        ("HTTPS://example.com:8443/x", "https://example.com:8443"),
        ("http://[::1]:80/", "http://[::1]:80"),
        ("ftp://example.com", None),
        ("not a URL", None),
    ],
)
def test_an_origin_has_one_spelling(url: str, origin: str | None) -> None:
    assert values.origin_of(url) == origin


def test_an_ipv6_address_that_stands_alone_is_the_host_value_that_callers_send() -> None:
    assert values.host_value("fd00::1") == "[fd00::1]"
    assert values.host_value("10.0.0.7") == "10.0.0.7"
