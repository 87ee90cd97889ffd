from proxy.clock import NEVER
from proxy.message import Exchange


def test_a_request_begins_with_every_feature_on_and_no_deadline() -> None:
    exchange = Exchange("GET", b"/", [], b"1", 5.0)
    assert (exchange.wants_auth, exchange.wants_retry, exchange.wants_dedup) == (True, True, True)
    assert (exchange.deadline, exchange.attempts, exchange.content, exchange.injection) == (NEVER, 0, None, None)


def test_a_field_is_found_by_its_name_in_any_case_and_the_first_is_told() -> None:
    exchange = Exchange("GET", b"/", [(b"X-One", b"1"), (b"x-one", b"2")], b"1", 0.0)
    assert (exchange.get(b"x-one"), exchange.get(b"x-on")) == (b"1", None)


def test_a_twin_is_the_same_request_with_attempts_waits_and_credential_of_its_own() -> None:
    exchange = Exchange("GET", b"/", [(b"x", b"1")], b"1", 5.0)
    exchange.deadline, exchange.caller, exchange.wants_auth = 9.0, "job", False
    exchange.attempts, exchange.queued = 2, 0.5
    twin = exchange.twin()
    assert (twin.method, twin.path, twin.fields, twin.request_id) == ("GET", b"/", exchange.fields, b"1")
    assert (twin.deadline, twin.caller, twin.wants_auth) == (9.0, "job", False)
    assert (twin.attempts, twin.queued, twin.injection) == (0, 0.0, None)
    twin.attempts += 1
    assert exchange.attempts == 2
