import pytest

from proxy.config.concurrency_model import ConcurrencyPolicy
from tests.config.loading import config, only

FILE = "upstreams: {api: {url: http://127.0.0.1:9000, concurrency: %s}}\n"


def concurrency(text: str) -> ConcurrencyPolicy:
    found = config(FILE % text).upstreams["api"].concurrency
    assert found is not None
    return found


def test_there_is_no_limit_unless_it_is_asked_for() -> None:
    assert config("upstreams: {api: {url: http://127.0.0.1:9000}}").upstreams["api"].concurrency is None


def test_what_is_left_out_has_its_default() -> None:
    found = concurrency("{}")
    assert (found.limit, found.queue, found.max_wait, found.bounds) == (64, 256, 5.0, None)


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("{adaptive: false}", None),
        ("{adaptive: true}", (1, 64)),
        ("{adaptive: true, limit: 30}", (1, 30)),
        ("{adaptive: {}}", (1, 64)),
        ("{adaptive: {min: 5, max: 200}}", (5, 200)),
        ("{adaptive: {min: 5}, limit: 3}", (3, 3)),
    ],
)
def test_an_adaptive_limit_has_bounds(text: str, bounds: tuple[int, int] | None) -> None:
    assert concurrency(text).bounds == bounds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{limit: 0}", "too small"),
        ("{queue: -1}", "too small"),
        ("{max_wait: 5}", "unit"),
        ("{adaptive: {max: 0}}", "too small"),
        ("{adaptive: maybe}", "write true, false or bounds such as {min: 2, max: 200}"),
        ("{adaptive: {mix: 3}}", "min"),
        ("{limits: 3}", "limit"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(text: str, said: str) -> None:
    assert said in only(FILE % text)
