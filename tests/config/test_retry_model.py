import pytest

from proxy.config.model import overlaid
from proxy.config.retry_model import Retry
from tests.config.loading import config, only, said

START = "upstreams: {api: {url: http://127.0.0.1:9000, "


def test_every_upstream_tries_three_times_unless_told_otherwise() -> None:
    retry = config(START + "}}").upstreams["api"].retry
    assert (retry.attempts, retry.backoff.base, retry.backoff.cap, retry.retry_after) == (3, 0.25, 10.0, 60.0)
    assert (retry.budget.ratio, retry.budget.min) == (0.2, 3)
    assert (retry.methods, retry.idempotency_key, retry.key_field) == ([], "caller", "Idempotency-Key")


def test_content_is_kept_up_to_the_documented_caps() -> None:
    replay = config(START + "}}").upstreams["api"].replay
    assert (replay.memory, replay.file, replay.folder) == (2**20, 64 * 2**20, None)


def test_a_route_changes_only_what_it_names() -> None:
    upstream = config(
        START + "retry: {attempts: 5, backoff: {base: 1s, cap: 2s}}, "
        'routes: [{match: "POST /orders", retry: {idempotency_key: auto, backoff: {base: 3s}}}]}}'
    ).upstreams["api"]
    laid = overlaid(upstream.retry, upstream.routes[0].retry)
    assert isinstance(laid, Retry)
    assert (laid.attempts, laid.idempotency_key, laid.backoff.base, laid.backoff.cap) == (5, "auto", 3.0, 2.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("attempts: 0", "attempts"),
        ("methods: [post]", "not a method"),
        ("idempotency_key: always", "caller"),
        ("key_field: Host", "belongs to the connection"),
        ("budget: {ratio: 120%}", "such as 20%"),
        ("backoff: {base: 5}", "a number needs its unit"),
        ("atempts: 3", "attempts"),
    ],
)
def test_a_mistake_names_what_would_be_right(options: str, message: str) -> None:
    assert message in only(START + f"retry: {{{options}}}}}}}")


def test_the_field_of_the_deadline_is_a_field_name() -> None:
    assert said(START + "timeout: {deadline_header: grpc-timeout}}}") == []
    assert "not a field name" in only(START + 'timeout: {deadline_header: "a b"}}}')
