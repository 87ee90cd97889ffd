from proxy.message import Exchange
from proxy.policy.idempotency import IdempotencyKeys


def post(*fields: tuple[bytes, bytes]) -> Exchange:
    return Exchange("POST", b"/", list(fields), b"id", 0.0)


def test_the_callers_key_is_respected_in_any_case() -> None:
    exchange = post((b"IDEMPOTENCY-KEY", b"mine"))
    assert IdempotencyKeys("Idempotency-Key", lambda: "made").on(exchange)
    assert exchange.fields == [(b"IDEMPOTENCY-KEY", b"mine")]


def test_without_the_word_auto_no_key_is_made() -> None:
    exchange = post()
    assert not IdempotencyKeys("Idempotency-Key", None).on(exchange)
    assert exchange.fields == []


def test_a_key_is_made_in_the_field_that_is_named_and_only_once() -> None:
    keys = IdempotencyKeys("X-Request-Key", lambda: "made")
    exchange = post()
    assert keys.on(exchange)
    assert keys.on(exchange)
    assert exchange.fields == [(b"X-Request-Key", b"made")]


def test_an_empty_key_is_left_alone_and_counts_for_nothing() -> None:
    exchange = post((b"idempotency-key", b""))
    assert not IdempotencyKeys("Idempotency-Key", lambda: "made").on(exchange)
    assert exchange.fields == [(b"idempotency-key", b"")]
