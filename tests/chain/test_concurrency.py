from collections.abc import Callable

from proxy.pipeline import Pipeline
from proxy.stages.concurrency import Concurrency, Gate
from tests.chain.stages import stages

Build = Callable[[str], Pipeline]

FILE = """
upstreams:
  api:
    url: http://127.0.0.1:9000
    concurrency: {limit: 64, queue: 7, max_wait: 2s}
    routes:
      - {match: "GET /a", concurrency: {limit: 2}}
      - {match: "GET /b", concurrency: {adaptive: {min: 2, max: 5}}}
  bare:
    url: http://127.0.0.1:9000
    match: {prefix: /bare}
    routes: [{match: "GET /a", concurrency: {limit: 3}}]
"""


def gates(pipeline: Pipeline, route: int) -> list[Gate]:
    return [stage._gate for stage in stages(pipeline, route) if isinstance(stage, Concurrency)]


async def test_all_routes_share_the_permits_of_their_upstream(pipeline: Build) -> None:
    built = pipeline(FILE)
    shared = [gates(built, route)[-1] for route in range(3)]
    assert len({id(gate) for gate in shared}) == 1
    assert shared[0].permits.limit == 64


async def test_a_routes_own_limit_inherits_what_it_leaves_out(pipeline: Build) -> None:
    own = gates(pipeline(FILE), 0)[0]
    assert (own.permits.limit, own._queue, own._max_wait) == (2, 7, 2.0)


async def test_an_adaptive_limit_begins_within_its_bounds(pipeline: Build) -> None:
    assert gates(pipeline(FILE), 1)[0].permits.limit == 5


async def test_a_route_may_have_a_limit_where_the_upstream_has_none(pipeline: Build) -> None:
    built = pipeline(FILE)
    assert [gate.permits.limit for gate in gates(built, 3)] == [3]
    assert gates(built, 4) == []
