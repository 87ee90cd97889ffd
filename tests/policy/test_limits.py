import tracemalloc
from hashlib import blake2b

import http_sf
import pytest

from proxy.config.rate_model import Rate, RateLimitPolicy
from proxy.policy.limits import KEYS, KeyedBuckets, Limit, QuotaTerms


def limit(rate: str = "100/s", **options: object) -> Limit:
    return Limit.of(RateLimitPolicy.model_validate({"rate": rate, **options}), "upstream")


def test_a_bucket_has_the_pace_and_the_burst_of_its_limit() -> None:
    bucket = limit("10/s", burst=3).bucket()
    assert (bucket.interval, bucket.room(0.0)) == (0.1, 3)


@pytest.mark.parametrize(
    ("rate", "wait", "policy", "left"),
    [
        ("100/s", 0.25, ("upstream", {"q": 100, "w": 1}), ("upstream", {"r": 0, "t": 1})),
        ("5000/h", 61.2, ("upstream", {"q": 5000, "w": 3600}), ("upstream", {"r": 0, "t": 62})),
        ("10/500ms", 3.0, ("upstream", {"q": 10}), ("upstream", {"r": 0, "t": 3})),
    ],
)
def test_a_refusal_tells_limit_and_wait_in_structured_fields(
    rate: str, wait: float, policy: tuple[str, dict[str, int]], left: tuple[str, dict[str, int]]
) -> None:
    error = limit(rate).refusal(wait)
    fields = dict(line.split(b": ", 1) for line in error.lines)
    assert http_sf.parse(fields[b"RateLimit-Policy"], tltype="list") == [policy]
    assert http_sf.parse(fields[b"RateLimit"], tltype="list") == [left]
    assert error.retry_after == wait


def test_a_refusal_says_what_the_limit_is_and_how_long_one_may_wait() -> None:
    assert limit("1/2s", max_wait="1s").refusal(1.5).detail == (
        "The limit of 1/2s (upstream) would have this request wait 1s500ms, and it may wait 1s."
    )


def test_the_upstreams_own_quota_is_told_apart() -> None:
    error = QuotaTerms(5.0).refusal(3600.0)
    assert "quota is used up for 1h" in error.detail
    assert error.lines == (b'RateLimit: "quota";r=0;t=3600',)


def test_a_key_keeps_its_bucket() -> None:
    buckets = KeyedBuckets(limit())
    assert buckets.get("a") is buckets.get("a")
    assert buckets.get("a") is not buckets.get("b")


def test_the_number_of_keys_is_bounded_and_the_one_not_met_for_longest_goes() -> None:
    buckets = KeyedBuckets(limit(), keys=3)
    first = buckets.get("first")
    second = buckets.get("second")
    buckets.get("third")
    assert buckets.get("first") is first
    buckets.get("fourth")
    assert len(buckets) == 3
    assert buckets.get("first") is first
    assert buckets.get("second") is not second


def test_all_keys_of_a_limit_take_no_more_memory_than_is_said() -> None:
    buckets = KeyedBuckets(Limit("field", Rate(1, 1.0), 1, 0.0))
    keys = [blake2b(str(number).encode(), digest_size=16).digest() for number in range(KEYS)]
    tracemalloc.start()
    try:
        for number, key in enumerate(keys):
            buckets.get(bytes(key)).take(float(number))
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken / KEYS < 400
