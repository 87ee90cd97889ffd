import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.quota_fields import LONGEST, Reading, Window, read_quota

NOW = 1_700_000_000.0


def read(*lines: bytes, status: int = 200) -> Reading:
    return read_quota(lines, status, NOW)


def github(remaining: int, resource: bytes = b"core") -> list[bytes]:
    return [
        b"X-RateLimit-Limit: 5000",
        b"X-RateLimit-Remaining: %d" % remaining,
        b"X-RateLimit-Reset: %d" % (NOW + 120),
        b"X-RateLimit-Resource: " + resource,
        b"X-RateLimit-Used: 12",
    ]


DIALECTS = {
    "the draft's structured fields": (
        [b'RateLimit-Policy: "default";q=100;w=60', b'RateLimit: "default";r=50;t=30'],
        [Window("default", 50, 30.0, 100)],
    ),
    "the draft with several windows": (
        [b'ratelimit: "burst";r=0;t=1, "daily";r=500;t=3600'],
        [Window("burst", 0, 1.0, None), Window("daily", 500, 3600.0, None)],
    ),
    "the draft in several lines": (
        [b'RateLimit: "burst";r=0;t=1', b'RateLimit: "daily";r=500;t=3600'],
        [Window("burst", 0, 1.0, None), Window("daily", 500, 3600.0, None)],
    ),
    "the draft without a time takes the policy's": (
        [b'RateLimit-Policy: "a";q=10;w=60', b'RateLimit: "a";r=0'],
        [Window("a", 0, 60.0, 10)],
    ),
    "the draft with another unit": (
        [b'RateLimit-Policy: "a";q=1000;w=60;qu="content-bytes"', b'RateLimit: "a";r=0;t=5'],
        [Window("a", 0, 5.0, 1000, False)],
    ),
    "the draft of 2023": (
        [b"RateLimit-Policy: 100;w=60", b"RateLimit: limit=100, remaining=3, reset=5"],
        [Window("ratelimit", 3, 5.0, 100)],
    ),
    "the draft of 2021": (
        [b"RateLimit-Limit: 100, 100;w=60", b"RateLimit-Remaining: 7", b"RateLimit-Reset: 9"],
        [Window("ratelimit", 7, 9.0, 100)],
    ),
    "seconds from now": (
        [b"X-RateLimit-Remaining: 0", b"X-RateLimit-Reset: 12"],
        [Window("ratelimit", 0, 12.0, None)],
    ),
    "the epoch in seconds": (
        [b"X-RateLimit-Remaining: 0", b"X-RateLimit-Reset: %d" % (NOW + 30)],
        [Window("ratelimit", 0, 30.0, None)],
    ),
    "the epoch in milliseconds": (
        [b"X-RateLimit-Remaining: 0", b"X-RateLimit-Reset: %d" % ((NOW + 30) * 1000)],
        [Window("ratelimit", 0, 30.0, None)],
    ),
    "a date": (
        [b"X-RateLimit-Remaining: 0", b"X-RateLimit-Reset: Tue, 14 Nov 2023 22:13:50 GMT"],
        [Window("ratelimit", 0, 30.0, None)],
    ),
    "hyphens in another place": (
        [b"x-rate-limit-limit: 15", b"x-rate-limit-remaining: 2", b"x-rate-limit-reset: %d" % (NOW + 900)],
        [Window("ratelimit", 2, 900.0, 15)],
    ),
    "GitHub": (github(0), [Window("ratelimit", 0, 120.0, 5000)]),
    "GitHub's other resources": (github(0, b"search"), []),
    "OpenAI": (
        [
            b"x-ratelimit-limit-requests: 60",
            b"x-ratelimit-limit-tokens: 150000",
            b"x-ratelimit-remaining-requests: 59",
            b"x-ratelimit-remaining-tokens: 149984",
            b"x-ratelimit-reset-requests: 1s",
            b"x-ratelimit-reset-tokens: 6m0s",
        ],
        [
            Window("ratelimit-requests", 59, 1.0, 60),
            Window("ratelimit-tokens", 149984, 360.0, 150000, False),
        ],
    ),
    "a duration of milliseconds": (
        [b"x-ratelimit-remaining-requests: 0", b"x-ratelimit-reset-requests: 1h2m3.5s20ms"],
        [Window("ratelimit-requests", 0, 3723.52, None)],
    ),
    "a reset that has passed": ([b"X-RateLimit-Remaining: 0", b"X-RateLimit-Reset: %d" % (NOW - 5)], []),
    "a reset far away": (
        [b"X-RateLimit-Remaining: 0", b"X-RateLimit-Reset: 9999999"],
        [Window("ratelimit", 0, LONGEST, None)],
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_is_read(dialect: str) -> None:
    lines, windows = DIALECTS[dialect]
    assert list(read(*lines).windows) == windows


@pytest.mark.parametrize(
    "lines",
    [
        [b"RateLimit: "],
        [b'RateLimit: "a";r=0'],
        [b'RateLimit: "a";r=x;t=5'],
        [b'RateLimit: "a";r=-1;t=5'],
        [b'RateLimit: "a";r=0;t=-5'],
        [b'RateLimit: "a";r=0;t="5"'],
        [b'RateLimit: "a";r=?1;t=5'],
        [b'RateLimit: "a";r=1.5;t=5'],
        [b'RateLimit: ("a" "b")'],
        [b"RateLimit: limit=5, remaining=x"],
        [b"RateLimit: limit=5, remaining=(1 2), reset=3"],
        [b"RateLimit: \xff\xfe"],
        [b'RateLimit-Policy: "c";q=5;qu="concurrent-requests"', b'RateLimit: "c";r=0;t=9'],
        [b"X-RateLimit-Remaining: none", b"X-RateLimit-Reset: 5"],
        [b"X-RateLimit-Remaining: -1", b"X-RateLimit-Reset: 5"],
        [b"X-RateLimit-Remaining: 0", b"X-RateLimit-Reset: soon"],
        [b"X-RateLimit-Remaining: 0"],
        [b"X-RateLimit-Reset: 5"],
        [b"X-RateLimit-Remaining: 0", b"X-RateLimit-Reset: 1e400"],
    ],
)
def test_what_is_malformed_or_half_is_ignored(lines: list[bytes]) -> None:
    assert read(*lines) == Reading()


def test_a_malformed_policy_takes_nothing_from_the_limit() -> None:
    assert read(b"RateLimit-Policy: ???", b'RateLimit: "a";r=0;t=5').windows == (Window("a", 0, 5.0, None),)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "pause"), [(b"7", 7.0), (b"Tue, 14 Nov 2023 22:13:50 GMT", 30.0), (b"99999999", LONGEST), (b"soon", 0.0)]
)
def test_a_refusal_says_when_to_come_back(status: int, value: bytes, pause: float) -> None:
    assert read(b"Retry-After: " + value, status=status).pause == pause


@pytest.mark.parametrize("status", [200, 202, 301, 413, 500])
def test_any_other_answer_says_nothing_of_the_pace_with_retry_after(status: int) -> None:
    assert read(b"Retry-After: 7", status=status) == Reading()


@pytest.mark.parametrize(
    ("reason", "pause"), [(b"global-rate", 3.0), (b"endpoint-rate", 0.0), (b"resource-specific", 0.0)]
)
def test_a_limit_of_one_endpoint_at_stripe_does_not_pause_the_account(reason: bytes, pause: float) -> None:
    lines = [b"Retry-After: 3", b"Stripe-Rate-Limited-Reason: " + reason]
    assert read(*lines, status=429).pause == pause


def test_an_upstream_that_invents_windows_gets_a_few() -> None:
    value = b", ".join(b'"w%d";r=1;t=1' % number for number in range(100))
    assert len(read(b"RateLimit: " + value).windows) == 8


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"RateLimit", b"RateLimit-Policy", b"X-RateLimit-Reset", b"X-RateLimit-Remaining"]),
            st.one_of(st.binary(max_size=30), st.from_regex(rb'"[a-z]";[rt]=[0-9.]{1,20}', fullmatch=True)),
        ),
        max_size=6,
    )
)
def test_no_field_makes_the_reading_fail(fields: list[tuple[bytes, bytes]]) -> None:
    reading = read(*(name + b": " + value for name, value in fields), status=429)
    assert all(0 < window.reset <= LONGEST and window.remaining >= 0 for window in reading.windows)
