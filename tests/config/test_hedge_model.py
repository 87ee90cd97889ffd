import pytest

from tests.config.loading import config, only

FILE = "upstreams: {api: {url: http://127.0.0.1:9000, hedge: %s}}\n"


def test_nothing_is_hedged_unless_it_is_asked_for() -> None:
    assert config("upstreams: {api: {url: http://127.0.0.1:9000}}").upstreams["api"].hedge is None


@pytest.mark.parametrize(("text", "after"), [("{}", "p95"), ("{after: p95}", "p95"), ("{after: 200ms}", 0.2)])
def test_the_moment_is_learned_or_given(text: str, after: float | str) -> None:
    hedge = config(FILE % text).upstreams["api"].hedge
    assert hedge is not None
    assert hedge.after == after


@pytest.mark.parametrize("text", ["{after: p99}", "{after: 0}", "{after: 5}", "{after: true}", "{after: []}"])
def test_a_mistake_is_told_with_what_would_be_right(text: str) -> None:
    assert "write p95, or a duration above zero such as 200ms" in only(FILE % text)


@pytest.mark.parametrize(("text", "shown"), [("{}", "p95"), ("{after: 1500ms}", "1s500ms")])
def test_it_is_shown_as_it_is_written(text: str, shown: str) -> None:
    assert config(FILE % text).model_dump(mode="json")["upstreams"]["api"]["hedge"] == {"after": shown}
