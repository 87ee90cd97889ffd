from collections.abc import Callable

from proxy.intercept.stage import Intercept
from proxy.pipeline import Pipeline
from tests.chain.stages import names, stages

Build = Callable[[str], Pipeline]

FILE = """
interceptors:
  one: {query: {remove: [a]}}
  two: {query: {remove: [b]}}
upstreams:
  api:
    url: http://127.0.0.1:9000
    dedup: {}
    errors: {normalize: true}
    interceptors: [two, one]
    routes:
      - {match: "GET /none", interceptors: []}
      - {match: "GET /own", interceptors: [one]}
  other: {url: http://127.0.0.1:9001, match: {prefix: /other}}
"""


def links(pipeline: Pipeline, route: int) -> list[str]:
    (found,) = [stage for stage in stages(pipeline, route) if isinstance(stage, Intercept)]
    return [link.name for link in found._links]


async def test_they_stand_outside_everything_in_the_order_of_the_list(pipeline: Build) -> None:
    built = pipeline(FILE)
    assert names(built, 2)[:3] == ["Intercept", "Normalize", "Coalesce"]
    assert links(built, 2) == ["two", "one"]


async def test_a_routes_list_stands_in_the_place_of_the_upstreams(pipeline: Build) -> None:
    built = pipeline(FILE)
    assert "Intercept" not in names(built, 0)
    assert links(built, 1) == ["one"]


async def test_where_none_is_named_the_stage_is_not_there(pipeline: Build) -> None:
    assert "Intercept" not in names(pipeline(FILE), 3)


async def test_each_is_made_once_whoever_uses_it(pipeline: Build) -> None:
    built = pipeline(FILE)
    found = [stage for route in (1, 2) for stage in stages(built, route) if isinstance(stage, Intercept)]
    assert found[0]._links[0] is found[1]._links[1]
