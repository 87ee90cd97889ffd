import pytest

from proxy.config.breaker_model import BreakerPolicy
from tests.config.loading import config, only

FILE = "upstreams: {api: {url: http://127.0.0.1:9000, breaker: %s}}\n"


def breaker(text: str) -> BreakerPolicy | None:
    return config(FILE % text).upstreams["api"].breaker


def test_there_is_none_unless_it_is_asked_for() -> None:
    assert config("upstreams: {api: {url: http://127.0.0.1:9000}}").upstreams["api"].breaker is None


def test_what_is_left_out_has_its_default() -> None:
    assert breaker("{}") == BreakerPolicy(
        window="30s", min_calls=20, failure_ratio="50%", open="15s", max_open="2m", probes=3
    )


def test_every_option_is_read() -> None:
    found = breaker("{window: 10s, min_calls: 5, failure_ratio: 20%, open: 1s, max_open: 1m, probes: 1}")
    assert found is not None
    assert list(found.model_dump().values()) == [10.0, 5, 0.2, 1.0, 60.0, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{window: 30}", "unit"),
        ("{window: 0s}", "write something above 0"),
        ("{failure_ratio: 0.0}", "write something above 0"),
        ("{failure_ratio: 120%}", "percentage such as 20%"),
        ("{probes: 0}", "too small"),
        ("{ratio: 50%}", "failure_ratio"),
        ("true", "section"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(text: str, said: str) -> None:
    assert said in only(FILE % text)


def test_a_route_has_none_of_its_own_for_all_routes_share_the_circuit() -> None:
    file = 'upstreams: {api: {url: http://127.0.0.1:9000, routes: [{match: "GET /", breaker: {}}]}}'
    assert "breaker" in only(file)
