"""What makes requests identical, and which answers may be given to more than one of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.message import Exchange, Response
from proxy.policy.dedup import IdentityRules, Variant, digest, may_be_joined_late, may_be_kept
from tests.stages.contents import WholeRequest

Field = tuple[bytes, bytes]


def asked(*fields: Field, method: str = "GET", path: bytes = b"/orders?a=1", **attributes: Any) -> Exchange:
    exchange = Exchange(method, path, fields, b"id", 0.0)
    exchange.host = b"localhost:8080"
    for name, value in attributes.items():
        setattr(exchange, name, value)
    return exchange


def answered(*lines: bytes, status: int = 200) -> Response:
    return Response(status, b"", list(lines))


RULES = IdentityRules("scope", ["POST"])


def test_requests_that_differ_in_nothing_that_matters_share_a_key() -> None:
    plain = asked((b"Accept", b"*/*"), (b"User-Agent", b"one"), (b"X-Request-Id", b"1"), (b"traceparent", b"00-1"))
    other = asked((b"User-Agent", b"two"), (b"accept", b"*/*"), (b"X-Request-Id", b"2"))
    assert RULES.key(plain) == RULES.key(other) is not None


@pytest.mark.parametrize(
    "name",
    [
        b"Accept",
        b"Accept-Encoding",
        b"accept-language",
        b"Range",
        b"If-None-Match",
        b"If-Modified-Since",
        b"If-Match",
        b"If-Unmodified-Since",
        b"If-Range",
        b"Content-Type",
        b"Idempotency-Key",
        b"X-Api-Key",
        b"X_Auth_Token",
        b"X-Tenant",
        b"OpenAI-Organization",
        b"X-HTTP-Method-Override",
    ],
)
def test_a_field_that_selects_the_answer_or_tells_who_asks_is_in_the_key(name: bytes) -> None:
    keys = {RULES.key(asked()), RULES.key(asked((name, b"1"))), RULES.key(asked((name, b"2")))}
    assert len(keys) == 3
    assert None not in keys


@pytest.mark.parametrize(
    "difference",
    [
        {"caller": "other"},
        {"wants_auth": False},
        {"wants_retry": False},
        {"min_interval": 2.0},
        {"host": b"127.0.0.1:8080"},
        {"method": "HEAD"},
        {"path": b"/orders?a=2"},
        {"path": b"/orders?a=%31"},
        {"via": [b"1.1 other"]},
    ],
    ids=str,
)
def test_what_is_not_a_field_is_in_the_key_too(difference: dict[str, Any]) -> None:
    assert RULES.key(asked()) != RULES.key(asked(**difference))


def test_the_scope_and_the_content_are_in_the_key() -> None:
    assert RULES.key(asked()) != IdentityRules("other scope", ["POST"]).key(asked())
    assert RULES.key(asked(), digest(b"a")) != RULES.key(asked(), digest(b"b"))


@pytest.mark.parametrize(
    "field",
    [
        (b"Authorization", b"Bearer mine"),
        (b"cookie", b"a=b"),
        (b"Cache-Control", b"max-age=5, No-Cache"),
        (b"Cache-Control", b"no-store"),
        (b"Pragma", b"no-cache"),
    ],
)
def test_who_wants_an_own_answer_has_no_key(field: Field) -> None:
    assert RULES.key(asked(field)) is None


def test_a_cache_control_that_demands_nothing_new_is_no_bypass() -> None:
    assert RULES.key(asked((b"Cache-Control", b"max-stale"))) is not None


@pytest.mark.parametrize(
    ("exchange", "takes_part"),
    [
        (asked(), True),
        (asked(method="HEAD"), True),
        (asked(method="POST"), True),
        (asked(method="PUT"), False),
        (asked(method="OPTIONS"), False),
        (asked(wants_dedup=False), False),
        (asked(upgrade=b"websocket"), False),
        (asked(content=WholeRequest(b"x")), False),
        (asked(content=WholeRequest(b"")), True),
        (asked(method="POST", content=WholeRequest(b"x")), True),
    ],
)
def test_get_and_head_without_content_and_listed_methods_take_part(exchange: Exchange, takes_part: bool) -> None:
    assert RULES.takes_part(exchange) is takes_part


def test_what_an_answer_varied_by_is_in_the_keys_of_its_target_from_then_on() -> None:
    rules = IdentityRules("scope")
    german, french = asked((b"X-Lang", b"de")), asked((b"X-Lang", b"fr"))
    assert rules.key(german) == rules.key(french)
    rules.learn(german, answered(b"Vary: Accept, x-lang", b"vary: Accept-Encoding"))
    assert rules.key(german) != rules.key(french)
    assert rules.key(german) == rules.key(asked((b"x-lang", b"de")))
    assert rules.key(german) != rules.key(asked((b"x_lang", b"de")))
    assert rules.key(asked((b"X-Lang", b"de"), path=b"/other")) == rules.key(asked((b"X-Lang", b"fr"), path=b"/other"))


def test_an_answer_fits_only_requests_with_the_values_that_it_varied_by() -> None:
    variant = IdentityRules("scope").learn(asked((b"X-Lang", b"de")), answered(b"Vary: X-Lang"))
    assert variant.fits(asked((b"x-lang", b"de")))
    assert not variant.fits(asked((b"X-Lang", b"fr")))
    assert not variant.fits(asked())
    assert not variant.fits(asked((b"X-Lang", b"de"), (b"X-Lang", b"fr")))


def test_an_answer_that_varies_by_anything_fits_nobody_and_ends_sharing_for_its_target() -> None:
    rules = IdentityRules("scope")
    variant = rules.learn(asked(), answered(b"Vary: Accept, *"))
    assert not variant.fits(asked())
    assert rules.key(asked()) is None
    rules.learn(asked(), answered(b"Vary: X-Lang"))
    assert rules.key(asked()) is not None


def test_what_is_in_every_key_needs_no_memory() -> None:
    assert IdentityRules("scope").learn(asked(), answered(b"Vary: Accept-Encoding, Origin, Cookie")).names == (
        b"origin",
    )


def test_the_memory_of_targets_is_bounded_and_what_it_forgot_still_does_not_fit() -> None:
    rules = IdentityRules("scope")
    variants = {
        n: rules.learn(asked((b"X-Lang", b"de"), path=b"/%d" % n), answered(b"Vary: X-Lang")) for n in range(3000)
    }
    german, french = (asked((b"X-Lang", lang), path=b"/0") for lang in (b"de", b"fr"))
    assert rules.key(german) == rules.key(french)
    assert variants[0].fits(german)
    assert not variants[0].fits(french)


def test_forwarding_fields_are_in_the_key_where_they_reach_the_upstream() -> None:
    field = (b"X-Forwarded-For", b"10.0.0.1")
    assert RULES.key(asked(field)) == RULES.key(asked())
    rules = IdentityRules("scope", forwarded=True)
    assert rules.key(asked(field)) != rules.key(asked())


@pytest.mark.parametrize(
    ("lines", "status", "kept"),
    [
        ([], 200, True),
        ([b"Cache-Control: max-age=0, must-revalidate"], 201, True),
        ([b"cache-control: Private"], 200, False),
        ([b"Cache-Control: max-age=5", b"Cache-Control: no-store"], 200, False),
        ([b'Cache-Control: no-cache="x"'], 200, False),
        ([b"set-cookie: a=b"], 200, False),
        ([], 404, False),
        ([], 304, False),
        ([], 500, False),
    ],
)
def test_only_successful_answers_that_are_nobodys_own_are_kept(lines: list[bytes], status: int, kept: bool) -> None:
    assert may_be_kept(answered(*lines, status=status), Variant(), include_private=False) is kept


def test_private_answers_are_kept_where_the_route_says_so_but_never_a_cookie_or_any_vary() -> None:
    private = answered(b"Cache-Control: private, no-store")
    assert may_be_kept(private, Variant(), include_private=True)
    assert not may_be_kept(answered(b"Set-Cookie: a=b"), Variant(), include_private=True)
    assert not may_be_kept(private, Variant((b"*",)), include_private=True)


def test_a_feed_is_not_joined_late() -> None:
    assert may_be_joined_late(answered(b"Content-Type: text/plain"), Variant())
    assert not may_be_joined_late(answered(b"content-type: text/event-stream; charset=utf-8"), Variant())
    assert not may_be_joined_late(answered(), Variant((b"*",)))


NAMES = st.sampled_from(
    [b"Accept", b"accept", b"Range", b"X-Api-Key", b"x_api_key", b"X-Lang", b"User-Agent", b"X-Other", b"Prefer"]
)
REQUESTS = st.builds(
    lambda fields, **attributes: asked(*fields, **attributes),
    method=st.sampled_from(["GET", "HEAD", "POST"]),
    path=st.sampled_from([b"/", b"/a", b"/a?b", b"/%61"]),
    caller=st.sampled_from(["", "one", "two"]),
    wants_auth=st.booleans(),
    host=st.sampled_from([b"localhost", b"127.0.0.1"]),
    fields=st.lists(st.tuples(NAMES, st.sampled_from([b"", b"1", b"2"])), max_size=4).map(tuple),
)
SELECTING = {b"accept", b"range", b"x-api-key", b"prefer"}


def identity(exchange: Exchange, varied: frozenset[bytes]) -> tuple[object, ...]:
    """Slowly and plainly: everything by which two requests may be told apart."""
    names = SELECTING | varied
    fields = {
        name: [value for key, value in exchange.fields if key.lower().replace(b"_", b"-") == name] for name in names
    }
    return exchange.method, exchange.path, exchange.caller, exchange.wants_auth, exchange.host, sorted(fields.items())


@given(
    REQUESTS, REQUESTS, st.booleans(), st.sampled_from([b"", b"one", b"two"]), st.sampled_from([b"", b"one", b"two"])
)
def test_two_requests_of_different_identity_never_share_a_key(
    one: Exchange, two: Exchange, varies: bool, content: bytes, other: bytes
) -> None:
    rules = IdentityRules("scope", ["POST"])
    varied = frozenset[bytes]()
    if varies:
        rules.learn(one, answered(b"Vary: X-Lang"))
        # Only the target that the answer came from is known to vary.
        varied = frozenset([b"x-lang"]) if one.path == two.path else varied
    if rules.key(one, content) == rules.key(two, other):
        assert identity(one, varied) == identity(two, varied)
        assert content == other
