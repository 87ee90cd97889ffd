from collections.abc import Callable

from proxy.pipeline import Pipeline
from tests.chain.stages import names

Build = Callable[[str], Pipeline]

FILE = """
upstreams:
  api:
    url: http://127.0.0.1:9000
    dedup: {}
    errors: {normalize: true, message: message}
    routes:
      - {match: "GET /raw", errors: {normalize: false}}
      - {match: "GET /own", errors: {message: error}}
  other: {url: http://127.0.0.1:9001, match: {prefix: /other}}
"""


async def test_it_stands_outside_of_what_shares_answers(pipeline: Build) -> None:
    assert names(pipeline(FILE), 2)[:2] == ["Normalize", "Coalesce"]


async def test_a_route_may_turn_it_off_or_change_a_part_of_it(pipeline: Build) -> None:
    built = pipeline(FILE)
    assert "Normalize" not in names(built, 0)
    assert "Normalize" in names(built, 1)


async def test_where_it_is_off_it_is_not_there(pipeline: Build) -> None:
    assert "Normalize" not in names(pipeline(FILE), 3)
