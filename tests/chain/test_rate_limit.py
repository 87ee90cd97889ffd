from collections.abc import Callable
from typing import Any

from proxy.pipeline import Pipeline
from proxy.policy.bucket import Bucket
from proxy.policy.quota import Quota
from proxy.stages.rate_limit import RateLimit
from tests.chain.stages import names, stages

Build = Callable[[str], Pipeline]

FILE = """
upstreams:
  api:
    url: http://127.0.0.1:9000
    rate_limit: {rate: 100/s, burst: 20}
    quota: {max_wait: 3s}
    routes:
      - {match: "POST /reports", rate_limit: {rate: 1/2s, key: fingerprint, max_wait: 0s}}
      - match: "GET /search"
        rate_limit: [{rate: 5/s}, {rate: 9/s}, {rate: 7/s, key: "field:X-User"}]
        quota: {learn: false}
      - {match: "GET /slow", quota: {max_wait: 30s}}
  bare:
    url: http://127.0.0.1:9000
    match: {prefix: /bare}
  off:
    url: http://127.0.0.1:9000
    match: {prefix: /off}
    quota: {learn: false}
"""


def stage(pipeline: Pipeline, route: int) -> Any:
    (found,) = [stage for stage in stages(pipeline, route) if isinstance(stage, RateLimit)]
    return found


def limits(found: Any) -> list[str]:
    return [terms.name for terms in found._terms if hasattr(terms, "name")]


async def test_all_routes_share_the_upstreams_limit_its_quota_and_its_line(pipeline: Build) -> None:
    built = pipeline(FILE)
    of_routes = [stage(built, route) for route in range(4)]
    assert len({id(found._pace) for found in of_routes}) == 1
    assert len({id(bucket) for found in of_routes for bucket in found._pace.everyones}) == 1
    quotas = [bucket for found in of_routes for bucket in found._buckets if isinstance(bucket, Quota)]
    assert len(quotas) == 3
    assert len(set(map(id, quotas))) == 1


async def test_a_routes_limits_stand_beside_the_upstreams(pipeline: Build) -> None:
    built = pipeline(FILE)
    reports, search = stage(built, 0), stage(built, 1)
    assert limits(reports) == ["upstream"]
    assert [(keyed.limit.name, keyed.limit.max_wait) for keyed in reports._keyed] == [("fingerprint", 0.0)]
    assert limits(search) == ["upstream", "route", "route-2"]
    assert [keyed.limit.name for keyed in search._keyed] == ["field"]


async def test_a_routes_word_on_the_quota_is_laid_over_the_upstreams(pipeline: Build) -> None:
    built = pipeline(FILE)
    assert stage(built, 1)._quota is None
    assert [stage(built, route)._terms[0].max_wait for route in (0, 2)] == [3.0, 30.0]


async def test_the_quota_is_learned_where_no_limit_is_configured(pipeline: Build) -> None:
    found = stage(pipeline(FILE), 4)
    assert [type(bucket) for bucket in found._buckets] == [Quota]


async def test_no_stage_stands_where_nothing_is_limited_or_learned(pipeline: Build) -> None:
    assert "RateLimit" not in names(pipeline(FILE), 5)


async def test_it_stands_next_to_the_wire(pipeline: Build) -> None:
    found = names(pipeline(FILE), 0)
    assert found.index("RateLimit") == found.index("Transport") - 1
    assert all(type(bucket) in (Bucket, Quota) for bucket in stage(pipeline(FILE), 0)._buckets)
