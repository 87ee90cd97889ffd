import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadRequest
from proxy.policy import fields
from proxy.policy.fields import (
    CONTENT_LENGTH,
    HOP,
    HOST,
    LOCATION,
    OUTRIDER,
    PLAIN,
    QUOTA,
    SET_COOKIE,
    Drops,
    FieldKinds,
    canonical,
    is_legal_value,
    is_token,
    list_members,
    request_kinds,
    response_kinds,
)

_TCHAR = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_HOP_BY_HOP = ["keep-alive", "proxy-connection", "te", "trailer", "proxy-authenticate", "proxy-authorization"]


def _kinds() -> FieldKinds:
    return FieldKinds({b"host": HOST}, {b"outrider-": OUTRIDER})


@pytest.mark.parametrize(
    "name",
    [
        b"RateLimit", b"RateLimit-Policy", b"RateLimit-Remaining", b"X-RateLimit-Reset", b"x-rate-limit-limit",
        b"X-RateLimit-Remaining-Requests", b"X-Ratelimit-Reset-Tokens", b"X-RateLimit-Resource", b"Retry-After",
        b"Stripe-Rate-Limited-Reason",
    ],
)  # fmt: skip
def test_what_an_upstream_tells_of_its_limits_is_known_by_its_name(name: bytes) -> None:
    assert response_kinds[name] == QUOTA
    assert request_kinds[name] == PLAIN


@pytest.mark.parametrize("name", [b"X_RateLimit_Reset", b"Retry_After", b"X-RateLimit-Resets", b"X-RateLimit"])
def test_what_only_looks_like_it_is_any_other_field(name: bytes) -> None:
    assert response_kinds[name] == PLAIN


@given(st.binary(max_size=20))
def test_a_token_is_one_or_more_of_the_grammars_characters(text: bytes) -> None:
    assert is_token(text) == (text != b"" and all(byte in _TCHAR for byte in text))


@given(st.binary(max_size=20))
def test_a_value_is_legal_without_control_characters_other_than_the_tab(value: bytes) -> None:
    assert is_legal_value(value) == all(byte == 9 or (byte >= 0x20 and byte != 0x7F) for byte in value)


def test_names_are_compared_in_lower_case_with_hyphens() -> None:
    assert canonical(b"X_Api_KEY") == canonical(b"x-api-key") == b"x-api-key"


@pytest.mark.parametrize(
    ("value", "members"),
    [
        (b"close", [b"close"]),
        (b"Keep-Alive, X-A", [b"keep-alive", b"x-a"]),
        (b" , ,\tX ,", [b"x"]),
        (b"", []),
    ],
)
def test_a_lists_members_are_in_lower_case_and_never_empty(value: bytes, members: list[bytes]) -> None:
    assert list_members(value) == members


@given(st.sampled_from(_HOP_BY_HOP), st.data())
def test_a_hop_by_hop_field_is_one_in_every_spelling(name: str, data: st.DataObject) -> None:
    spelt = "".join(data.draw(st.sampled_from([c.lower(), c.upper(), "_" if c == "-" else c])) for c in name).encode()
    assert request_kinds[spelt] == HOP
    assert response_kinds[spelt] == HOP


@pytest.mark.parametrize("name", [b"Content_Length", b"transfer_encoding", b"Set_Cookie", b"outrider_token"])
def test_a_look_alike_of_a_field_that_means_something_here_is_dropped(name: bytes) -> None:
    kinds = response_kinds if name == b"Set_Cookie" else request_kinds
    assert kinds[name] == HOP


def test_an_underscore_in_a_plain_name_is_its_senders_business() -> None:
    assert request_kinds[b"x_own_field"] == PLAIN


def test_every_field_of_the_outrider_family_is_known_on_requests_and_dropped_from_responses() -> None:
    assert request_kinds[b"Outrider-Anything"] == OUTRIDER
    assert response_kinds[b"outrider-request-id"] == HOP


def test_an_upstreams_word_on_origins_is_dropped() -> None:
    assert response_kinds[b"Access-Control-Allow-Origin"] == HOP
    assert request_kinds[b"Access-Control-Request-Method"] == PLAIN


def test_fields_that_point_into_the_upstream_are_known_on_responses_only() -> None:
    assert [response_kinds[name] for name in (b"Location", b"Content-Location")] == [LOCATION, LOCATION]
    assert response_kinds[b"Set-Cookie"] == SET_COOKIE
    assert request_kinds[b"Location"] == PLAIN
    assert response_kinds[b"CONTENT-LENGTH"] == CONTENT_LENGTH


@given(st.binary(max_size=10).filter(lambda name: not is_token(name)))
def test_a_name_that_is_no_token_is_an_error_each_time(name: bytes) -> None:
    kinds = _kinds()
    for _ in range(2):
        with pytest.raises(BadRequest):
            kinds[name]
    assert not kinds


def test_invented_names_do_not_grow_what_is_remembered() -> None:
    kinds, drops = _kinds(), Drops(frozenset({b"x-own"}))
    for number in range(3 * fields._REMEMBERED_NAMES):
        assert kinds[b"x-%d" % number] == PLAIN
        assert not drops[b"x-%d" % number]
        assert len(kinds) <= fields._REMEMBERED_NAMES
        assert len(drops) <= fields._REMEMBERED_NAMES


def test_a_long_name_is_judged_and_not_remembered() -> None:
    kinds, drops = _kinds(), Drops(frozenset({b"x" * 1000}))
    assert (kinds[b"outrider-" + b"x" * 1000], drops[b"X" * 1000], drops[b"y" * 1000]) == (OUTRIDER, True, False)
    assert not kinds
    assert not drops


@given(st.sampled_from([b"X-Own", b"x_own", b"X-OWN", b"x-other", b"x-ow"]), st.integers(1, 3))
def test_a_field_is_dropped_in_every_spelling_of_its_name(name: bytes, times: int) -> None:
    drops = Drops(frozenset({b"x-own"}))
    assert [drops[name] for _ in range(times)] == [canonical(name) == b"x-own"] * times
