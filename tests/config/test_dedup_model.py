"""The options of `dedup`, and how a route's are laid over its upstream's."""

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.config.dedup_model import Dedup
from proxy.config.model import overlaid


def dedup(**options: Any) -> Dedup:
    return Dedup.model_validate(options)


def test_left_empty_it_shares_what_is_in_flight_and_keeps_nothing() -> None:
    policy = dedup()
    assert (policy.in_flight, policy.ttl, policy.methods, policy.include_private) == (True, 0.0, [], False)
    assert (policy.max_bytes, policy.total_bytes) == (2**20, 64 * 2**20)


def test_every_option_is_read_in_its_own_unit() -> None:
    policy = dedup(
        in_flight=False, ttl="2s", methods=["POST"], max_bytes="1KiB", total_bytes="2KiB", include_private=True
    )
    assert (policy.in_flight, policy.ttl, policy.methods) == (False, 2.0, ["POST"])
    assert (policy.max_bytes, policy.total_bytes, policy.include_private) == (1024, 2048, True)


def test_what_a_route_leaves_out_stays_as_the_upstream_has_it() -> None:
    policy = overlaid(dedup(ttl="2s", max_bytes="1KiB"), dedup(methods=["POST"]))
    assert policy == dedup(ttl="2s", max_bytes="1KiB", methods=["POST"])


@pytest.mark.parametrize("wrong", [{"ttl": 2}, {"methods": ["post"]}, {"in_flight": "yes"}, {"time": "2s"}], ids=str)
def test_what_is_not_an_option_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        dedup(**wrong)
