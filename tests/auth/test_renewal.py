import pytest

from proxy.auth.renewal import Cooling, early_by, renewal_time
from proxy.clock import NEVER


@pytest.mark.parametrize(
    ("lifetime", "early"), [(3600, 300), (1000, 100), (200, 20), (100, 10), (99, 19.8), (10, 2), (86400, 300)]
)
def test_renewal_begins_a_tenth_before_the_end_within_limits(lifetime: float, early: float) -> None:
    assert early_by(lifetime) == pytest.approx(early)


@pytest.mark.parametrize(("spread", "at"), [(0.0, 1910.0), (0.5, 1900.0), (1.0, 1890.0)])
def test_the_margin_is_spread_by_a_tenth_either_way(spread: float, at: float) -> None:
    assert renewal_time(1000, 1000, spread) == pytest.approx(at)


def test_a_token_without_end_is_never_renewed() -> None:
    assert renewal_time(1000, NEVER, 0.5) == NEVER


def test_pauses_double_from_one_second_to_sixty() -> None:
    cooling, now, pauses = Cooling(), 0.0, []
    for _ in range(8):
        cooling.failed(now)
        pauses.append(cooling.remaining(now))
        now += pauses[-1]
        assert cooling.remaining(now) == 0
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_success_ends_the_pause() -> None:
    cooling = Cooling()
    cooling.failed(0)
    cooling.failed(1)
    cooling.succeeded()
    assert cooling.remaining(1) == 0
    cooling.failed(5)
    assert cooling.remaining(5) == 1
