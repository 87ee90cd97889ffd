import pytest

from proxy.clock import NEVER
from proxy.edge.overrides import apply_overrides
from proxy.errors import BadRequest
from proxy.message import Exchange

_ALL = frozenset({"auth", "dedup", "min_interval", "request_id", "retry", "timeout"})


def _applied(allowed: frozenset[str] = _ALL, deadline: float = NEVER, **fields: bytes) -> Exchange:
    exchange = Exchange("GET", b"/", [], b"ours", 100.0)
    exchange.deadline = deadline
    apply_overrides(
        {b"outrider-" + name.replace("_", "-").encode(): value for name, value in fields.items()}, exchange, allowed
    )
    return exchange


def test_without_wishes_everything_is_on() -> None:
    exchange = _applied()
    assert (exchange.wants_auth, exchange.wants_retry, exchange.wants_dedup) == (True, True, True)


def test_each_switch_turns_its_own_thing_off() -> None:
    assert not _applied(auth=b"None").wants_auth
    assert not _applied(retry=b"off").wants_retry
    assert not _applied(dedup=b"OFF").wants_dedup
    exchange = _applied(auth=b"none")
    assert (exchange.wants_retry, exchange.wants_dedup) == (True, True)


@pytest.mark.parametrize("fields", [{"auth": b"off"}, {"auth": b""}, {"retry": b"on"}, {"dedup": b"none"}])
def test_a_switch_takes_its_one_word_alone(fields: dict[str, bytes]) -> None:
    with pytest.raises(BadRequest):
        _applied(**fields)


def test_a_timeout_counts_from_the_requests_beginning_and_never_extends() -> None:
    assert _applied(timeout=b"250ms").deadline == 100.25
    assert _applied(timeout=b"2s", deadline=101.0).deadline == 101.0


@pytest.mark.parametrize("value", [b"", b"0s", b"-1s", b"2", b"two", b"1e9", b"inf", b"nan", b"\xff"])
def test_a_malformed_duration_is_refused(value: bytes) -> None:
    for name in ("timeout", "min_interval"):
        with pytest.raises(BadRequest):
            _applied(**{name: value})


def test_a_least_interval_is_in_seconds() -> None:
    assert _applied(min_interval=b"1500ms").min_interval == 1.5


def test_a_request_may_be_named() -> None:
    assert _applied(request_id=b"job-7.x").request_id == b"job-7.x"


@pytest.mark.parametrize("value", [b"", b"a b", b"a\tb", b"a\xff", b"x" * 129, b'a"b'])
def test_a_name_is_a_short_token(value: bytes) -> None:
    with pytest.raises(BadRequest):
        _applied(request_id=value)


@pytest.mark.parametrize("name", sorted(_ALL))
def test_what_is_not_allowed_is_refused_and_not_ignored(name: str) -> None:
    with pytest.raises(BadRequest, match=r"access\.overrides"):
        _applied(_ALL - {name}, **{name: b"none"})


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(BadRequest):
        _applied(odd=b"1")


def test_the_callers_token_is_nobodys_wish() -> None:
    _applied(frozenset(), token=b"t")
