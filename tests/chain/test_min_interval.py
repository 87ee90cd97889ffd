from collections.abc import Callable

from proxy.pipeline import Pipeline
from proxy.stages.min_interval import MinInterval
from tests.chain.stages import stages

FILE = """
upstreams:
  api:
    url: http://127.0.0.1:9000
    routes: [{match: "GET /a", retry: {attempts: 2}}]
"""


async def test_all_routes_of_an_upstream_remember_together(pipeline: Callable[[str], Pipeline]) -> None:
    built = pipeline(FILE)
    found = [stage for route in (0, 1) for stage in stages(built, route) if isinstance(stage, MinInterval)]
    assert len(found) == 2
    assert found[0]._last is found[1]._last
