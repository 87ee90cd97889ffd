import pytest

from proxy.policy.deadline import time_left


@pytest.mark.parametrize(("seconds", "value"), [(2.0, b"2000"), (0.0101, b"10"), (0.0001, b"1")])
def test_the_time_is_told_in_milliseconds(seconds: float, value: bytes) -> None:
    assert time_left(b"x-time-left", seconds) == value


@pytest.mark.parametrize(
    ("seconds", "value"), [(2.0, b"2000m"), (99999.999, b"99999999m"), (100000.5, b"100000S"), (1e12, b"99999999S")]
)
def test_grpc_has_its_own_form_of_at_most_eight_digits(seconds: float, value: bytes) -> None:
    assert time_left(b"grpc-timeout", seconds) == value
