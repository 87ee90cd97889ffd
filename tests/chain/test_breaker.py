import logging
from collections.abc import Callable

import pytest

from proxy.observe.tally import CIRCUITS
from proxy.pipeline import Pipeline
from proxy.policy.breaker import Breaker, Circuit
from tests.chain.stages import stages

Build = Callable[[str], Pipeline]

FILE = """
upstreams:
  api: {url: "http://127.0.0.1:9000", breaker: {min_calls: 1}, routes: [{match: "GET /a"}]}
  other: {url: "http://127.0.0.1:9001", match: {prefix: /other}, breaker: {}}
  plain: {url: "http://127.0.0.1:9002", match: {prefix: /plain}}
"""


def breaker(pipeline: Pipeline, route: int) -> Breaker:
    (found,) = [stage._breaker for stage in stages(pipeline, route) if type(stage).__name__ == "BreakerStage"]
    assert isinstance(found, Breaker)
    return found


async def test_routes_share_the_circuit_of_their_upstream_and_of_no_other(pipeline: Build) -> None:
    built = pipeline(FILE)
    assert breaker(built, 0) is breaker(built, 1)
    assert breaker(built, 0) is not breaker(built, 2)


async def test_a_change_is_counted_and_told(pipeline: Build, caplog: pytest.LogCaptureFixture) -> None:
    built = pipeline(FILE)
    circuit = breaker(built, 0)
    assert built.tallies["api"].circuit == "closed"
    with caplog.at_level(logging.INFO, "outrider"):
        circuit.fail(circuit.admit(0.0), 0.0)
    assert built.tallies["api"].circuit == "open"
    assert built.tallies["other"].circuit == "closed"
    assert [getattr(record, "event", "") for record in caplog.records] == ["circuit.opened"]


async def test_an_upstream_without_a_breaker_shows_no_circuit(pipeline: Build) -> None:
    assert pipeline(FILE).tallies["plain"].circuit is None


def test_the_metric_knows_every_state() -> None:
    assert set(CIRCUITS) == {circuit.value for circuit in Circuit}
