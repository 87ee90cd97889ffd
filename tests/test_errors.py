import inspect
import re

import pytest

from proxy import errors
from proxy.errors import ERRORS, OutriderError, UpstreamError

_REGISTERED = frozenset(
    (
        "dns_timeout",
        "dns_error",
        "destination_not_found",
        "destination_unavailable",
        "destination_ip_prohibited",
        "destination_ip_unroutable",
        "connection_refused",
        "connection_terminated",
        "connection_timeout",
        "connection_read_timeout",
        "connection_write_timeout",
        "connection_limit_reached",
        "tls_protocol_error",
        "tls_certificate_error",
        "tls_alert_received",
        "http_request_error",
        "http_request_denied",
        "http_response_incomplete",
        "http_response_header_section_size",
        "http_response_header_size",
        "http_response_body_size",
        "http_response_trailer_section_size",
        "http_response_trailer_size",
        "http_response_transfer_coding",
        "http_response_content_coding",
        "http_response_timeout",
        "http_upgrade_failed",
        "http_protocol_error",
        "proxy_internal_response",
        "proxy_internal_error",
        "proxy_configuration_error",
        "proxy_loop_detected",
    )
)
"""The error types of RFC 9209 §2.3."""

_CONTRACT = {
    "route_not_found": 404,
    "host_not_allowed": 421,
    "origin_not_allowed": 403,
    "caller_not_allowed": 401,
    "bad_request": 400,
    "content_too_large": 413,
    "overloaded": 503,
    "rate_limited": 429,
    "credential_unavailable": 503,
    "upstream_connect_failed": 502,
    "upstream_tls_failed": 502,
    "upstream_dns_failed": 502,
    "upstream_disconnected": 502,
    "upstream_protocol_error": 502,
    "upstream_timeout": 504,
    "deadline_exceeded": 504,
}
"""Codes and statuses that callers rely on."""


def test_the_codes_that_callers_rely_on_have_their_statuses() -> None:
    assert {code: ERRORS[code].status for code in _CONTRACT} == _CONTRACT


@pytest.mark.parametrize("error", ERRORS.values(), ids=str)
def test_every_error_is_complete(error: type[OutriderError]) -> None:
    assert re.fullmatch("[a-z]+(_[a-z]+)*", error.code)
    assert 400 <= error.status < 600
    assert error.title
    assert error.token in _REGISTERED
    assert error.stage
    assert isinstance(error.retryable, bool)
    assert isinstance(error.processed, bool)


def test_no_two_errors_share_a_code() -> None:
    concrete = [
        found
        for _, found in inspect.getmembers(errors, inspect.isclass)
        if issubclass(found, OutriderError) and hasattr(found, "code")
    ]
    assert sorted(error.code for error in concrete) == sorted(ERRORS)


def test_the_trees_inner_nodes_are_no_outcomes() -> None:
    assert not {OutriderError, UpstreamError} & set(ERRORS.values())


@pytest.mark.parametrize("code", ["upstream_dns_failed", "upstream_connect_failed", "upstream_tls_failed"])
def test_what_never_reached_the_upstream_was_not_processed_there(code: str) -> None:
    assert not ERRORS[code].processed


@pytest.mark.parametrize(
    "code", ["upstream_disconnected", "upstream_protocol_error", "upstream_timeout", "deadline_exceeded"]
)
def test_what_may_have_reached_the_upstream_may_have_been_processed(code: str) -> None:
    assert ERRORS[code].processed


def test_an_error_has_its_detail_and_the_wait_that_it_advises() -> None:
    error = ERRORS["overloaded"]("busy", retry_after=1.5)
    assert (str(error), error.detail, error.retry_after) == ("busy", "busy", 1.5)
    assert ERRORS["bad_request"]("no").retry_after is None
