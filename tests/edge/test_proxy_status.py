import pytest

from proxy.edge.proxy_status import proxy_status
from proxy.message import Exchange


def exchange(**told: object) -> Exchange:
    made = Exchange("GET", b"/", [], b"id", 0.0)
    made.attempts = 1
    for name, value in told.items():
        setattr(made, name, value)
    return made


def test_one_plain_attempt_says_nothing() -> None:
    assert proxy_status(exchange()) is None


@pytest.mark.parametrize(
    ("told", "parameter"),
    [
        ({"attempts": 3}, b"attempts=3"),
        ({"queued": 0.25}, b"queued=250"),
        ({"coalesced": True}, b"coalesced"),
        ({"hedged": True}, b"hedged"),
        ({"replayable": False}, b"not_replayable"),
    ],
)
def test_whatever_was_not_plain_is_told(told: dict[str, object], parameter: bytes) -> None:
    assert proxy_status(exchange(**told)) == b"Proxy-Status: outrider; " + parameter
