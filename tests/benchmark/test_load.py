"""Reading what the load generators print."""

import pytest

from tests.benchmark.load import Load, parse_own, parse_wrk

REPORT = """\
Running 3s test @ http://127.0.0.1:7100/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.95ms  171.74us   4.27ms   85.49%
    Req/Sec    32.65k     1.04k   33.79k    90.00%
  97448 requests in 3.10s, 79.18MB read
Requests/sec:  31434.92
Transfer/sec:     25.54MB
"""


def test_wrk_s_report_gives_requests_and_seconds() -> None:
    assert parse_wrk(REPORT) == Load(requests=97448, seconds=3.10, failures=0)


def test_a_time_in_another_unit_is_turned_into_seconds() -> None:
    assert parse_wrk("  1200 requests in 1.50m, 3MB read\n").seconds == 90.0


def test_bad_statuses_and_broken_connections_are_failures() -> None:
    report = f"{REPORT}  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 90\n"
    assert parse_wrk(report).failures == 100


def test_a_report_without_counts_is_an_error_that_shows_it() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        parse_wrk("unable to connect to 127.0.0.1:7100 Connection refused")


def test_our_generator_s_counts_are_read() -> None:
    assert parse_own('{"requests": 10, "failures": 2, "seconds": 1.5}') == Load(10, 1.5, 2)
