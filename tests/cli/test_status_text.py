import pytest

from proxy.cli.status_text import amount, moment, rough, span, sparkline


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0"), (0.256, "0.26"), (0.5, "0.5"), (1, "1"), (42.35, "42.4"), (1234.5, "1,234")],
)
def test_a_number_has_three_digits_that_say_something(value: float, told: str) -> None:
    assert rough(value) == told


@pytest.mark.parametrize(
    ("size", "told"), [(0, "0 B"), (999, "999 B"), (1000, "0.98 KiB"), (2**20, "1 MiB"), (1536 * 2**20, "1.5 GiB")]
)
def test_bytes_are_told_in_the_unit_that_fits(size: int, told: str) -> None:
    assert amount(size) == told


@pytest.mark.parametrize(
    ("seconds", "told"), [(None, "…"), (0.0005, "0.5 ms"), (0.25, "250 ms"), (1.5, "1.5 s"), (130, "2 min 10 s")]
)
def test_a_short_time(seconds: float | None, told: str) -> None:
    assert moment(seconds) == told


@pytest.mark.parametrize(
    ("seconds", "told"), [(-3, "0 s"), (59, "59 s"), (125, "2 min 5 s"), (7260, "2 h 1 min"), (90000, "1 d 1 h")]
)
def test_a_long_time_has_its_two_greatest_units(seconds: float, told: str) -> None:
    assert span(seconds) == told


def test_a_line_of_the_past_is_as_high_as_its_highest() -> None:
    assert sparkline([0, 5, 10]) == " ▄█"
    assert sparkline([]) == ""


def test_a_line_of_almost_nothing_stays_low() -> None:
    assert sparkline([0, 0.1]) == " ▁"
