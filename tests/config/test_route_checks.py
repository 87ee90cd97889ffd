import pytest

from tests.config.loading import UPSTREAM, load


def warnings(pattern: str) -> list[str]:
    text = UPSTREAM.replace("}}", f', routes: [{{match: "{pattern}"}}]}}}}')
    return [str(warning) for warning in load(text).warnings]


@pytest.mark.parametrize("pattern", ["GET /items/{id}", "GET /items/:id/parts", "* /<id>"])
def test_a_named_segment_is_told_to_stand_for_itself(pattern: str) -> None:
    (warning,) = warnings(pattern)
    assert "is met by just these characters; write * for a segment of any value" in warning


@pytest.mark.parametrize("pattern", ["GET /items/*", "POST /v1/things:batch", "GET /a{b}c", "* /files/**"])
def test_other_patterns_are_not_doubted(pattern: str) -> None:
    assert warnings(pattern) == []
