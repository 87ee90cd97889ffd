"""The estimate of what is usual."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.latency import Latency


def filled(values: list[float]) -> Latency:
    latency = Latency(0.95)
    for value in values:
        latency.add(value)
    return latency


def test_nothing_is_known_before_enough_answers() -> None:
    assert filled([0.1] * 19).value is None
    assert filled([0.1] * 20).value is not None


@given(st.lists(st.floats(0.001, 50.0), min_size=20, max_size=20))
def test_the_estimate_is_the_percentile_or_a_tenth_above(values: list[float]) -> None:
    # 19 of 20 are 95 %.
    assert sorted(values)[18] <= (filled(values).value or 0) <= sorted(values)[18] * 1.1001


def test_a_rare_slow_answer_does_not_move_it() -> None:
    assert filled(([0.01] * 49 + [5.0]) * 4).value == pytest.approx(0.01, rel=0.11)


def test_it_follows_an_upstream_that_becomes_slower() -> None:
    latency = filled([0.01] * 3000)
    for _ in range(200):
        latency.add(0.5)
    assert latency.value == pytest.approx(0.5, rel=0.11)


def test_it_forgets_a_slow_hour() -> None:
    latency = filled([2.0] * 1000)
    for _ in range(20_000):
        latency.add(0.01)
    assert latency.value == pytest.approx(0.01, rel=0.11)


def test_what_is_out_of_all_bounds_is_counted_at_them() -> None:
    assert filled([1e9] * 20).value == pytest.approx(60.0, rel=0.11)
    assert filled([0.0] * 20).value == pytest.approx(0.0005)


def test_its_space_does_not_grow() -> None:
    latency, source = Latency(0.95), random.Random(7)
    sizes = set()
    for _ in range(5000):
        latency.add(source.expovariate(10))
        sizes.add(len(latency._counts))
    assert len(sizes) == 1
