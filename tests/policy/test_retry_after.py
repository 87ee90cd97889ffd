import datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.retry_after import LONGEST, parse_retry_after

NOW = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT


@pytest.mark.parametrize(("value", "seconds"), [(b"0", 0.0), (b"120", 120.0), (b" 7 ", 7.0), (b"1.5", 1.5)])
def test_seconds_are_read_as_they_stand(value: bytes, seconds: float) -> None:
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [b"Sun, 06 Nov 1994 08:50:07 GMT", b"Sunday, 06-Nov-94 08:50:07 GMT", b"Sun Nov  6 08:50:07 1994"],
)
def test_each_form_of_a_date_is_the_seconds_until_then(value: bytes) -> None:
    assert parse_retry_after(value, NOW) == 30.0


def test_a_date_that_has_passed_is_no_wait() -> None:
    assert parse_retry_after(b"Sun, 06 Nov 1994 08:49:30 GMT", NOW) == 0.0


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"-1",
        b"+3",
        b"soon",
        b"1e3",
        b"0x10",
        b"12,13",
        b"\xff\xfe",
        b"Sun, 06 Nov 1994",
        b"Sun, 99 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 25:61:61 GMT",
        b"Sun, 06 Nov 1994 08:49:37 +0200",
        b"Sun, 06 Foo 1994 08:49:37 GMT",
        b"Sun, 06 Nov 99999999 08:49:37 GMT",
    ],
)
def test_what_is_malformed_is_no_word_at_all(value: bytes | None) -> None:
    assert parse_retry_after(value, NOW) is None


def test_an_absurd_wait_is_capped() -> None:
    assert parse_retry_after(b"9" * 18, NOW) == LONGEST


@given(st.integers(0, 10**6), st.integers(0, 2 * 10**9))
def test_a_written_date_reads_as_the_wait_that_was_meant(wait: int, now: int) -> None:
    moment = datetime.datetime.fromtimestamp(now + wait, datetime.UTC)
    assert parse_retry_after(format_datetime(moment, usegmt=True).encode(), float(now)) == wait


@given(st.binary(max_size=60))
def test_no_value_is_a_crash(value: bytes) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST
