import pytest

from proxy.clock import NEVER
from proxy.message import Exchange
from proxy.policy.blame import is_upstreams_delay


@pytest.mark.parametrize(
    ("deadline", "attempts", "total", "upstreams"),
    [
        (102.0, 1, 2.0, True),
        (100.5, 1, 2.0, False),  # the caller's own, shorter
        (102.0, 0, 2.0, False),  # never sent
        (100.5, 1, 0.0, False),  # the caller's own, where the route has none
        (NEVER, 1, 0.0, False),
    ],
)
def test_only_the_routes_own_limit_on_the_wire_is_the_upstreams_delay(
    deadline: float, attempts: int, total: float, upstreams: bool
) -> None:
    exchange = Exchange("GET", b"/", [], b"1", 100.0)
    exchange.deadline, exchange.attempts = deadline, attempts
    assert is_upstreams_delay(exchange, 0, total) is upstreams
