"""Putting the rounds together."""

from tests.benchmark.figures import CPU, GROWTH, combine


def test_a_figure_of_several_rounds_is_their_median() -> None:
    assert combine([(CPU, 50.0), (CPU, 900.0), (CPU, 52.0)]) == {CPU: 52.0}


def test_memory_of_several_rounds_is_the_worst() -> None:
    assert combine([(GROWTH, 1.0), (GROWTH, 20.0), (GROWTH, 2.0)]) == {GROWTH: 20.0}


def test_a_figure_without_samples_is_left_out() -> None:
    assert combine([]) == {}
