import pytest

from proxy.observe.quantiles import quantile

BOUNDS = (0.1, 0.2, 1.0)


def test_nothing_counted_has_no_quantile() -> None:
    assert quantile(BOUNDS, [0, 0, 0, 0], 0.5) is None


@pytest.mark.parametrize(
    ("counts", "share", "value"),
    [
        ([10, 0, 0, 0], 0.5, 0.05),
        ([10, 10, 0, 0], 0.5, 0.1),
        ([10, 10, 0, 0], 0.75, 0.15),
        ([0, 0, 10, 0], 0.5, 0.6),
        ([0, 0, 4, 0], 1.0, 1.0),
    ],
)
def test_a_quantile_lies_on_the_line_between_two_bounds(counts: list[int], share: float, value: float) -> None:
    assert quantile(BOUNDS, counts, share) == pytest.approx(value)


def test_what_is_above_the_last_bound_is_told_as_that_bound() -> None:
    assert quantile(BOUNDS, [1, 0, 0, 9], 0.9) == 1.0
