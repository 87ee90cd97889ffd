import pytest

from proxy.errors import RateLimited
from proxy.policy.min_interval import LastCalls


def test_the_last_one_counts_whatever_interval_it_asked_for() -> None:
    last = LastCalls()
    last.make("a", 1.0, 100.0)
    last.make("a", 1.0, 101.0)
    with pytest.raises(RateLimited, match="less than 5s ago"):
        last.make("a", 5.0, 104.0)


def test_the_wait_is_told_in_whole_seconds_too() -> None:
    last = LastCalls()
    last.make("a", 5.0, 100.0)
    with pytest.raises(RateLimited) as caught:
        last.make("a", 5.0, 101.5)
    assert caught.value.retry_after == pytest.approx(3.5)
    assert caught.value.lines == (b'RateLimit: "min-interval";r=0;t=4',)


def test_the_number_of_requests_that_are_remembered_is_bounded() -> None:
    last = LastCalls(remembered=3)
    for number in range(10):
        last.make(number, 60.0, 100.0)
    assert len(last) == 3
    last.make(0, 60.0, 100.0)
    with pytest.raises(RateLimited):
        last.make(9, 60.0, 100.0)
