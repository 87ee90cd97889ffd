import pytest

from proxy.clock import NEVER
from proxy.policy.renewal import LONGEST_PAUSE, Cooling, early_by, renewal_time


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


def test_a_longer_retry_after_lengthens_one_pause_and_not_the_next() -> None:
    cooling = Cooling()
    cooling.failed(0, 30)
    assert cooling.remaining(0) == 30
    cooling.failed(30)
    assert cooling.remaining(30) == 2


def test_a_shorter_retry_after_does_not_shorten_the_pause() -> None:
    cooling = Cooling()
    for _ in range(4):
        cooling.failed(0, 1)
    assert cooling.remaining(0) == 8


def test_a_retry_after_is_honoured_up_to_an_hour() -> None:
    cooling = Cooling()
    cooling.failed(0, 1e9)
    assert cooling.remaining(0) == LONGEST_PAUSE
