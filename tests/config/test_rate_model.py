import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.rate_model import Rate, RateLimitPolicy, as_list, format_rate, parse_rate
from tests.config.loading import config, problems

FILE = "upstreams: {{api: {{url: 'http://127.0.0.1:1', {0}}}}}"


@pytest.mark.parametrize(
    ("text", "count", "period"),
    [
        ("100/s", 100, 1.0),
        ("5000/h", 5000, 3600.0),
        ("1/2s", 1, 2.0),
        ("10/500ms", 10, 0.5),
        ("3/1.5m", 3, 90.0),
        ("1000/d", 1000, 86400.0),
    ],
)
def test_a_rate_is_a_number_of_requests_and_a_time(text: str, count: int, period: float) -> None:
    assert parse_rate(text) == Rate(count, period)


@pytest.mark.parametrize(
    "value", ["", "100", "100/", "/s", "0/s", "100/0s", "-1/s", "1 / s", "100/x", "1.5/s", "1/s/s", "1/..s", 100, None]
)
def test_what_is_no_rate_is_refused_with_what_would_be_right(value: object) -> None:
    with pytest.raises(ValueError, match="100/s, 5000/h or 1/2s"):
        parse_rate(value)


def test_a_rate_that_no_machine_keeps_is_refused() -> None:
    with pytest.raises(ValueError, match="a second"):
        parse_rate("999999999/s")


@given(st.integers(1, 10**6), st.integers(1, 10**9))
def test_a_rate_is_read_back_as_it_was_written(count: int, milliseconds: int) -> None:
    rate = Rate(count, milliseconds / 1000)
    if count / rate.period <= 10**6:
        read = parse_rate(format_rate(rate))
        assert (read.count, read.period) == (count, pytest.approx(rate.period))


@pytest.mark.parametrize(("text", "burst"), [("100/s", 10), ("10/s", 1), ("5000/s", 500), ("5000/h", 1), ("1/2s", 1)])
def test_a_burst_that_is_left_out_is_a_tenth_of_a_second_of_the_rate(text: str, burst: int) -> None:
    assert RateLimitPolicy.model_validate({"rate": text}).allowance == burst


def test_a_limit_may_be_one_or_a_list() -> None:
    one = config(FILE.format("rate_limit: {rate: 100/s, burst: 20, max_wait: 5s}")).upstreams["api"]
    many = config(FILE.format("rate_limit: [{rate: 100/s}, {rate: 1/2s, key: fingerprint}]")).upstreams["api"]
    assert [limit.burst for limit in as_list(one.rate_limit)] == [20]
    assert [limit.key for limit in as_list(many.rate_limit)] == [None, "fingerprint"]


def test_there_is_no_limit_where_none_is_written_and_the_quota_is_learned() -> None:
    upstream = config(FILE.format("auth: none")).upstreams["api"]
    assert as_list(upstream.rate_limit) == []
    assert (upstream.quota.learn, upstream.quota.max_wait) == (True, 5.0)


@pytest.mark.parametrize("key", ["caller", "fingerprint", "field:X-User"])
def test_a_limit_may_be_counted_apart(key: str) -> None:
    assert RateLimitPolicy.model_validate({"rate": "1/s", "key": key}).key == key


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("rate_limit: {rate: 100}", "upstreams.api.rate_limit.rate: not a rate; write a number of requests and a time"),
        ("rate_limit: {burst: 5}", "upstreams.api.rate_limit.rate is missing"),
        ("rate_limit: {rate: 1/s, key: user}", "write caller, fingerprint or field:NAME"),
        ("rate_limit: {rate: 1/s, brust: 1}", "did you mean burst?"),
        ("rate_limit: {rate: 1/s, burst: 0}", "the number is too small"),
        ("rate_limit: []", "upstreams.api.rate_limit: it is empty"),
        ("rate_limit: [{rate: 1/s}, {rate: x}]", "upstreams.api.rate_limit.1.rate: not a rate"),
        ("rate_limit: 100/s", "upstreams.api.rate_limit: a section is wanted, not text"),
        ("quota: {learn: maybe}", "upstreams.api.quota.learn: true or false is wanted"),
    ],
)
def test_a_mistake_is_told_at_its_place(policy: str, told: str) -> None:
    (problem,) = problems(FILE.format(policy))
    assert told in f"{problem.message}; {problem.hint}"
    assert problem.line == 1
