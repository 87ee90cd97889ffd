import pytest

from proxy.errors import ERRORS, AdminError
from proxy.observe.tally import BOUNDS, NO_UPSTREAM, OTHER, Tallies, UpstreamTally


@pytest.fixture
def tally() -> UpstreamTally:
    return UpstreamTally()


def test_a_request_is_in_flight_between_begin_and_end(tally: UpstreamTally) -> None:
    tally.begin()
    tally.begin()
    tally.end("GET", 200, 0.01, 0, 0)
    assert tally.in_flight == 1


def test_requests_are_counted_by_method_and_status(tally: UpstreamTally) -> None:
    for status in (200, 200, 404):
        tally.begin()
        tally.end("GET", status, 0.01, 0, 0)
    assert tally.requests == {("GET", 200): 2, ("GET", 404): 1}


def test_unknown_methods_of_any_number_make_one_key(tally: UpstreamTally) -> None:
    for number in range(100):
        tally.begin()
        tally.end(f"X{number}", 200, 0.01, 0, 0)
    assert tally.requests == {(OTHER, 200): 100}


def test_a_known_method_in_lower_case_is_unknown(tally: UpstreamTally) -> None:
    tally.begin()
    tally.end("get", 200, 0.01, 0, 0)
    assert tally.requests == {(OTHER, 200): 1}


@pytest.mark.parametrize("status", [0, 99, 600, 999])
def test_a_status_that_http_does_not_have_makes_no_key_of_its_own(tally: UpstreamTally, status: int) -> None:
    tally.begin()
    tally.end("GET", status, 0.01, 0, 0)
    assert tally.requests == {("GET", OTHER): 1}


def test_a_duration_equal_to_a_bound_falls_into_its_bucket(tally: UpstreamTally) -> None:
    tally.end("GET", 200, BOUNDS[3], 0, 0)
    assert tally.buckets[3] == 1


def test_a_duration_above_every_bound_falls_into_the_last_bucket(tally: UpstreamTally) -> None:
    tally.end("GET", 200, BOUNDS[-1] + 1, 0, 0)
    assert tally.buckets[-1] == 1


def test_seconds_and_bytes_add_up(tally: UpstreamTally) -> None:
    tally.end("PUT", 200, 0.25, 10, 100)
    tally.end("PUT", 200, 0.5, 20, 200)
    assert (tally.seconds, tally.request_bytes, tally.response_bytes) == (0.75, 30, 300)


def test_every_error_code_is_there_before_it_happens(tally: UpstreamTally) -> None:
    assert tally.errors == {code: 0 for code, error in ERRORS.items() if not issubclass(error, AdminError)}


def test_an_error_code_outside_the_tree_is_refused(tally: UpstreamTally) -> None:
    with pytest.raises(KeyError):
        tally.error("invented")


def test_attempts_are_counted_by_outcome(tally: UpstreamTally) -> None:
    tally.attempt("failed")
    assert tally.attempts == {"answered": 0, "failed": 1, "cancelled": 0}


def test_retries_are_counted_for_the_reasons_that_were_announced(tally: UpstreamTally) -> None:
    tally.count_retries(["503"])
    tally.retries["503"] += 1
    tally.count_retries(["503", "timeout"])
    assert tally.retries == {"503": 1, "timeout": 0}


def test_requests_that_meet_no_upstream_have_their_own_tally() -> None:
    tallies = Tallies(["api"])
    tallies.none.error("route_not_found")
    assert tallies[NO_UPSTREAM].errors["route_not_found"] == 1
    assert tallies["api"].errors["route_not_found"] == 0


def test_an_unknown_upstream_has_no_tally() -> None:
    with pytest.raises(KeyError):
        Tallies(["api"])["invented"]
