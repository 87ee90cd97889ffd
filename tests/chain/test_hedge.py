from collections.abc import Callable

from proxy.pipeline import Pipeline
from proxy.stages.hedge import Hedge
from proxy.stages.retry import Retry
from tests.chain.stages import stages

Build = Callable[[str], Pipeline]

FILE = """
upstreams:
  api:
    url: http://127.0.0.1:9000
    hedge: {}
    routes: [{match: "GET /a", hedge: {after: 200ms}}]
"""


def hedge(pipeline: Pipeline, route: int) -> Hedge:
    (found,) = [stage for stage in stages(pipeline, route) if isinstance(stage, Hedge)]
    return found


async def test_each_route_learns_its_own_latency(pipeline: Build) -> None:
    built = pipeline(FILE)
    assert hedge(built, 0)._latency is not hedge(built, 1)._latency
    assert (hedge(built, 0)._after, hedge(built, 1)._after) == (0.2, None)


async def test_hedges_and_retries_of_an_upstream_have_one_budget(pipeline: Build) -> None:
    built = pipeline(FILE)
    (retry,) = [stage for stage in stages(built, 0) if isinstance(stage, Retry)]
    assert hedge(built, 0).budget is hedge(built, 1).budget is retry._rules.budget
