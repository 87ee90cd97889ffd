import pytest

from proxy.cli.policies import policies
from proxy.config.model import Config
from proxy.policy.routing import RoutingTable
from tests.config.loading import config

FILE = """
upstreams:
  api:
    url: http://127.0.0.1:9000
    retry: {attempts: 4}
    routes:
      - {match: "POST /orders", retry: {idempotency_key: auto}}
      - {match: "POST /search", retry: {methods: [POST]}}
      - {match: "* /once", retry: {attempts: 1}}
"""


def told(loaded: Config, method: str, path: str) -> dict[str, str]:
    matched = RoutingTable(loaded).match("localhost", method, path.encode())
    return dict(policies(matched.route, method))


@pytest.mark.parametrize(
    ("method", "path", "end"),
    [
        ("GET", "/", "GET is repeated after any failure that may pass"),
        ("POST", "/search", "POST is repeated after any failure that may pass"),
        ("POST", "/orders", "with a key of its own in Idempotency-Key"),
        ("POST", "/", "with Retry-After; after other failures where the caller sends Idempotency-Key"),
        ("LOCK", "/", "LOCK is repeated only where nothing of it was sent, or on a 429 or 503 with Retry-After"),
    ],
)
def test_what_is_tried_again_depends_on_method_and_route(method: str, path: str, end: str) -> None:
    line = told(config(FILE), method, path)["retry"]
    assert line.startswith("4 attempts, waits up to 250ms, doubling to 10s; ")
    assert line.endswith(end)


def test_what_is_tried_once_is_off() -> None:
    assert told(config(FILE), "GET", "/once")["retry"] == "off"


GUARDED = """
upstreams:
  api:
    url: http://127.0.0.1:9000
    hedge: {}
    breaker: {window: 30s, min_calls: 20, failure_ratio: 50%, open: 15s}
    concurrency: {limit: 64, queue: 256}
    routes:
      - {match: "GET /search", hedge: {after: 200ms}}
      - {match: "POST /reports", concurrency: {limit: 2, queue: 0}}
      - {match: "GET /bulk", concurrency: {adaptive: {max: 9}}}
"""


def test_policies_that_are_off_say_nothing() -> None:
    assert set(told(config(FILE), "GET", "/")) == {"retry", "quota"}


def test_a_breaker_says_when_it_opens_and_for_how_long() -> None:
    assert told(config(GUARDED), "GET", "/")["breaker"] == (
        "opens at 50% failures of 20 calls or more in 30s, for 15s, doubling to 2m; 3 probes"
    )


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/", "one call more when the first takes longer than 95 of 100 on this route, once that is known"),
        ("/search", "one call more when the first has no answer after 200ms"),
    ],
)
def test_a_hedge_says_when_it_is_sent(path: str, line: str) -> None:
    assert told(config(GUARDED), "GET", path)["hedge"] == line


def test_what_is_never_hedged_says_nothing_of_it() -> None:
    assert "hedge" not in told(config(GUARDED), "DELETE", "/")


LIMITED = """
upstreams:
  api:
    url: http://127.0.0.1:9000
    rate_limit: [{rate: 100/s, burst: 20}, {rate: 1/2s, key: caller, max_wait: 0}]
    routes:
      - {match: "POST /reports", rate_limit: {rate: 5/m, key: "field:X-User", max_wait: 2s}, quota: {learn: false}}
"""


def test_limits_say_how_fast_the_routes_own_before_the_upstreams() -> None:
    matched = RoutingTable(config(LIMITED)).match("localhost", "POST", b"/reports")
    assert [line for label, line in policies(matched.route, "POST") if label == "rate limit"] == [
        "5/m for each field X-User, 1 at once, waits up to 2s, for this route alone",
        "100/s, 20 at once, waits up to 5s, for all of api",
        "1/2s for each caller, 1 at once, nothing waits, for all of api",
    ]


def test_the_quota_says_whether_it_is_heeded() -> None:
    assert told(config(LIMITED), "GET", "/")["quota"] == (
        "held while the upstream says that its own is used up, for up to 5s"
    )
    assert told(config(LIMITED), "POST", "/reports")["quota"].endswith("is not heeded")


def test_a_limit_of_calls_says_how_many_wait() -> None:
    assert told(config(GUARDED), "GET", "/")["concurrency"] == "64 calls at once, 256 wait up to 5s, for all of api"


@pytest.mark.parametrize(
    ("method", "path", "own"),
    [
        ("POST", "/reports", "2 calls at once, no further one waits, for this route alone"),
        ("GET", "/bulk", "1 to 9, as it bears, calls at once, 256 wait up to 5s, for this route alone"),
    ],
)
def test_a_routes_own_limit_stands_before_the_upstreams(method: str, path: str, own: str) -> None:
    matched = RoutingTable(config(GUARDED)).match("localhost", method, path.encode())
    lines = [line for label, line in policies(matched.route, method) if label == "concurrency"]
    assert lines == [own, "64 calls at once, 256 wait up to 5s, for all of api"]


SHARED = """
upstreams:
  api:
    url: http://127.0.0.1:9000
    dedup: {}
    routes:
      - {match: "POST /pay", dedup: {ttl: 5s, methods: [POST]}}
      - {match: "GET /feed", dedup: {in_flight: false}}
      - {match: "GET /kept", dedup: {in_flight: false, ttl: 2s, max_bytes: 64KiB}}
"""


@pytest.mark.parametrize(
    ("method", "path", "line"),
    [
        ("GET", "/", "shares the call of an identical request in flight, up to 1MiB"),
        ("PUT", "/", "off for PUT, which dedup.methods does not list"),
        (
            "POST",
            "/pay",
            "shares the call of an identical request in flight and gets a successful answer that is at most 5s old, "
            "up to 1MiB",
        ),
        ("GET", "/feed", None),
        ("GET", "/kept", "gets a successful answer that is at most 2s old, up to 64KiB"),
    ],
)
def test_identical_requests_say_what_they_share(method: str, path: str, line: str | None) -> None:
    assert told(config(SHARED), method, path).get("dedup") == line


def test_error_answers_that_become_problems_are_told_with_the_place_of_their_message() -> None:
    file = FILE.replace("retry: {attempts: 4}", 'errors: {normalize: true, message: "error.text"}')
    assert told(config(file), "GET", "/")["errors"].endswith("their message by error.text")
    assert "errors" not in told(config(FILE), "GET", "/")


def test_interceptors_are_told_in_the_order_in_which_they_act() -> None:
    file = "interceptors: {one: {query: {remove: [a]}}, two: {query: {remove: [b]}}}\n" + FILE.replace(
        "retry: {attempts: 4}", "interceptors: [two, one]"
    )
    assert told(config(file), "GET", "/")["interceptors"].startswith("two, one;")
