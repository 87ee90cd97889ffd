"""The order of stages as it comes out of the builders."""

from collections.abc import Callable

from proxy.chain import ORDER
from proxy.pipeline import Pipeline
from tests.chain.stages import names

Build = Callable[[str], Pipeline]

ALL = """
auth: {token: {type: bearer, token: made-up}}
upstreams:
  api:
    url: http://127.0.0.1:9000
    auth: token
    hedge: {after: 1s}
    breaker: {}
    concurrency: {adaptive: true}
    routes: [{match: "GET /own", concurrency: {limit: 2}}]
"""


def only(found: list[str], *wanted: str) -> list[str]:
    return [name for name in found if name in wanted]


async def test_stages_stand_in_the_order_that_is_told(pipeline: Build) -> None:
    told = [place.name for place in ORDER]
    mine = ["retry", "hedge", "authenticate", "breaker", "concurrency", "transport"]
    assert [name for name in told if name in mine] == mine
    wanted = ["Retry", "Hedge", "Authenticate", "BreakerStage", "Concurrency", "Adapting", "Transport"]
    assert only(names(pipeline(ALL), 1), *wanted) == wanted


async def test_a_stage_that_is_off_is_not_there(pipeline: Build) -> None:
    found = names(pipeline("upstreams: {api: {url: http://127.0.0.1:9000, retry: {attempts: 1}}}"))
    assert only(found, "Retry", "Hedge", "Authenticate", "BreakerStage", "Concurrency", "Adapting") == []
    assert found[-1] == "Transport"


async def test_a_routes_own_limit_stands_around_the_upstreams(pipeline: Build) -> None:
    assert names(pipeline(ALL), 0).count("Concurrency") == 2
    assert names(pipeline(ALL), 1).count("Concurrency") == 1


def test_every_place_has_its_reason() -> None:
    assert [place.name for place in ORDER if len(place.reason) < 20] == []
    assert len({place.name for place in ORDER}) == len(ORDER)


SIGNED = """
auth:
  signed: {type: hmac, key: k, sign: "{{ path }}", set: {X-S: "{{ signature }}"}}
  sent: {type: bearer, token: made-up}
upstreams:
  api:
    url: http://127.0.0.1:9000
    auth: signed
    timeout: {deadline_header: X-Left}
    routes: [{match: "GET /plain", auth: sent}]
"""


async def test_a_signature_is_made_next_to_the_wire(pipeline: Build) -> None:
    assert names(pipeline(SIGNED), 1)[-3:] == ["Deadline", "Sign", "Transport"]


async def test_a_credential_that_is_sent_as_it_is_has_no_stage_for_it(pipeline: Build) -> None:
    assert "Sign" not in names(pipeline(SIGNED), 0)
