from typing import Any

import pytest

from proxy.auth.homes import Home, call_tls, call_url, homes
from proxy.config.call_model import CallOptions
from proxy.config.model import Config
from proxy.config.tls_model import Tls

TLS = Tls(server_name="inner.test")


def call(**written: Any) -> CallOptions:
    return CallOptions(**written)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.test", "https://api.test/login?x=1"),
        ("https://api.test/", "https://api.test/login?x=1"),
        ("https://api.test:8443/v1/", "https://api.test:8443/v1/login?x=1"),
    ],
)
def test_a_call_that_is_named_by_its_path_goes_below_the_upstreams_base(base: str, url: str) -> None:
    assert call_url(call(path="/login?x=1"), Home(base, TLS)) == url


def test_a_call_with_an_address_of_its_own_goes_there_and_by_its_own_tls() -> None:
    elsewhere = call(url="https://login.test/in")
    home = Home("https://api.test", TLS)
    assert call_url(elsewhere, home) == "https://login.test/in"
    assert call_tls(elsewhere, home) is None


def test_a_profile_that_is_nowhere_at_home_has_no_address_for_a_path() -> None:
    assert call_url(call(path="/login"), None) == ""
    assert call_tls(call(path="/login"), None) is None


@pytest.mark.parametrize(("base", "tls"), [("https://a.test", TLS), ("HTTPS://a.test", TLS), ("http://a.test", None)])
def test_an_upstreams_tls_is_for_calls_to_it_that_are_encrypted(base: str, tls: Tls | None) -> None:
    assert call_tls(call(path="/login"), Home(base, TLS)) == tls


def test_a_profile_is_at_home_where_it_is_used_first_be_it_by_a_route() -> None:
    config = Config.model_validate(
        {
            "auth": {name: {"type": "bearer", "token": "t"} for name in ("a", "b", "c")},
            "upstreams": {
                "one": {"url": "http://one.test", "auth": "a", "match": {"prefix": "/1"}},
                "two": {
                    "url": "http://two.test",
                    "auth": "a",
                    "match": {"prefix": "/2"},
                    "routes": [{"match": "GET /x", "auth": "b"}],
                },
                "three": {"url": "http://three.test", "match": {"prefix": "/3"}, "auth": "none"},
            },
        }
    )
    found = homes(config)
    assert {name: found[name].url for name in "ab"} == {"a": "http://one.test", "b": "http://two.test"}
    assert "c" not in found
