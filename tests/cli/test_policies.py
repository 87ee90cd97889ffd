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
