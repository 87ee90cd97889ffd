from typing import Any

import pytest

from proxy.cli.status_rates import Rates

State = dict[str, Any]
BOUNDS = [0.1, 1.0]


def look(
    at: float, requests: int, counts: list[int] | None = None, moved: int = 0, started: float = 0
) -> dict[str, Any]:
    upstream = {"name": "api", "requests": requests, "latency": {"counts": counts or [requests, 0, 0]}}
    flying = {"id": "a", "age": at - started, "bytes_up": moved}
    return {"at": at, "started_at": started, "latency_bounds": BOUNDS, "upstreams": [upstream], "requests": [flying]}


def after(*looks: dict[str, Any]) -> Rates:
    rates = Rates()
    for one in looks:
        rates.add(one)
    return rates


def test_one_look_says_nothing_of_how_fast() -> None:
    rates = after(look(1, 5))
    assert (rates.of("api", "requests"), rates.latency("api", 0.5), rates.past("api")) == (None, None, ())


def test_a_rate_is_what_was_added_by_the_seconds_between() -> None:
    assert after(look(1, 5), look(3, 25)).of("api", "requests") == 10


def test_a_rate_is_of_the_last_seconds_only() -> None:
    rates = after(look(1, 0), look(10, 900), look(11, 902), look(12, 904))
    assert rates.of("api", "requests") == 2


def test_looks_that_are_far_apart_still_give_a_rate() -> None:
    assert after(look(0, 0), look(60, 60)).of("api", "requests") == 1


def test_latency_is_that_of_the_last_requests() -> None:
    rates = after(look(1, 100, [100, 0, 0]), look(2, 110, [100, 10, 0]))
    assert rates.latency("api", 0.5) == pytest.approx(0.55)


def test_a_daemon_that_was_started_again_has_no_past() -> None:
    rates = after(look(1, 500), look(2, 510), look(3, 2, started=2.5))
    assert (rates.of("api", "requests"), rates.past("api")) == (None, ())


def test_a_transfer_has_its_own_rate() -> None:
    now = look(3, 0, moved=5000)
    rates = after(look(1, 0, moved=1000), now)
    assert rates.transfer(now["requests"][0], "bytes_up") == 2000
    assert rates.transfer(now["requests"][0] | {"id": "b"}, "bytes_up") is None


def test_an_upstream_that_is_new_after_a_reload_has_no_rate_yet() -> None:
    second = look(2, 5)
    second["upstreams"].append(second["upstreams"][0] | {"name": "new"})
    rates = after(look(1, 5), second)
    assert rates.of("new", "requests") is None
