import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import (
    ERRORS,
    UpstreamConnectFailed,
    UpstreamDisconnected,
    UpstreamDnsFailed,
    UpstreamTimeout,
    UpstreamTlsFailed,
)
from proxy.message import Response
from proxy.policy.retry import IDEMPOTENT, REASONS, TABLE, Asks, Pace, Repeatable, reason, repeatable_methods

PLAIN = Repeatable(by_method=False, by_key=False)
IDEMPOTENT_REQUEST = Repeatable(by_method=True, by_key=False)
KEYED_REQUEST = Repeatable(by_method=False, by_key=True)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 409])
def test_a_status_of_the_table_is_its_own_reason(status: int) -> None:
    assert reason(Response(status, b"", [])) == str(status)


@pytest.mark.parametrize(
    "status", [100, 200, 204, 301, 304, 400, 401, 403, 404, 412, 413, 422, 425, 501, 505, 507, 511]
)
def test_any_other_status_is_an_answer(status: int) -> None:
    assert reason(Response(status, b"", [])) is None


@pytest.mark.parametrize("error", [UpstreamDnsFailed, UpstreamConnectFailed, UpstreamTlsFailed])
def test_what_never_reached_the_wire_was_not_sent(error: type[UpstreamConnectFailed]) -> None:
    assert reason(error("x")) == "unsent"


def test_a_connection_that_ended_before_the_request_was_written_was_not_sent() -> None:
    assert reason(UpstreamDisconnected("x", processed=False)) == "unsent"
    assert reason(UpstreamDisconnected("x")) == "disconnected"


def test_a_slow_upstream_is_a_timeout() -> None:
    assert reason(UpstreamTimeout("x")) == "timeout"


def test_every_other_error_is_final() -> None:
    tried = {"upstream_dns_failed", "upstream_connect_failed", "upstream_tls_failed", "upstream_disconnected",
             "upstream_timeout"}  # fmt: skip
    assert {code for code, error in ERRORS.items() if reason(error("x")) is not None} == tried


@pytest.mark.parametrize(
    ("request_", "told", "reasons"),
    [
        (PLAIN, False, {"unsent"}),
        (PLAIN, True, {"unsent", "429", "503"}),
        (IDEMPOTENT_REQUEST, False, set(REASONS) - {"409"}),
        (KEYED_REQUEST, False, set(REASONS)),
    ],
    ids=["a plain POST", "a plain POST that was told when", "an idempotent method", "a POST with a key"],
)
def test_what_each_kind_of_request_is_tried_again_for(request_: Repeatable, told: bool, reasons: set[str]) -> None:
    assert {name for name in REASONS if request_.meets(TABLE[name], told)} == reasons


def test_the_table_names_every_reason() -> None:
    assert set(TABLE) == set(REASONS)
    assert set(TABLE.values()) == set(Asks)


def test_a_route_adds_methods_to_the_idempotent_ones() -> None:
    assert repeatable_methods(["POST"]) == IDEMPOTENT | {"POST"}
    assert "POST" not in repeatable_methods([])


def longest(low: float, high: float) -> float:
    return high


def test_the_longest_wait_doubles_up_to_the_cap() -> None:
    pace = Pace(0.25, 10.0, 60.0, longest)
    assert [pace.wait(retry, None) for retry in (1, 2, 3, 6, 7, 99)] == [0.25, 0.5, 1.0, 8.0, 10.0, 10.0]


@given(st.integers(1, 100), st.integers())
def test_the_jitter_is_full_and_survives_the_cap(retry: int, seed: int) -> None:
    pace = Pace(0.25, 10.0, 60.0, random.Random(seed).uniform)
    waits = [pace.wait(retry, None) for _ in range(20)]
    assert all(wait is not None and 0 <= wait <= 10 for wait in waits)
    assert len(set(waits)) > 1


@given(st.floats(0, 60), st.integers())
def test_what_the_upstream_says_is_waited_for_and_up_to_half_as_long_again(told: float, seed: int) -> None:
    wait = Pace(0.25, 10.0, 60.0, random.Random(seed).uniform).wait(1, told)
    assert wait is not None
    assert told <= wait <= told * 1.5


def test_an_upstream_that_wants_too_much_patience_is_not_waited_for() -> None:
    pace = Pace(0.25, 10.0, 60.0, longest)
    assert pace.wait(1, 60.0) == 90.0
    assert pace.wait(1, 60.1) is None
