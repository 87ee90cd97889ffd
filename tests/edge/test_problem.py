import json

import pytest

from proxy.edge.problem import problem_answer
from proxy.errors import ERRORS, CallerNotAllowed, Overloaded, RateLimited, RouteNotFound, UpstreamTimeout


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_is_a_problem_document(code: str) -> None:
    error = ERRORS[code]("What happened.")
    lines, content = problem_answer(error, b"id-1", "api", 1)
    document = json.loads(content)
    assert document == {
        "type": f"urn:outrider:error:{code}",
        "title": error.title,
        "status": error.status,
        "detail": "What happened.",
        "code": code,
        "stage": error.stage,
        "upstream": "api",
        "attempts": 1,
        "retryable": error.retryable,
        "request_id": "id-1",
    }
    assert b"Content-Type: application/problem+json" in lines
    assert b"Cache-Control: no-store" in lines
    assert f'Proxy-Status: outrider; error={error.token}; details="{code}"'.encode() in lines


@pytest.mark.parametrize(("wait", "told"), [(0.0, b"0"), (0.2, b"1"), (1.0, b"1"), (59.01, b"60")])
def test_a_wait_is_told_in_whole_seconds_and_never_too_short(wait: float, told: bytes) -> None:
    lines, _ = problem_answer(Overloaded("busy", retry_after=wait), b"1")
    assert b"Retry-After: " + told in lines


def test_without_a_wait_none_is_told() -> None:
    lines, content = problem_answer(RouteNotFound("none"), b"1")
    assert not [line for line in lines if line.startswith(b"Retry-After")]
    assert json.loads(content)["upstream"] is None


def test_attempts_are_told_when_there_was_more_than_one() -> None:
    for attempts in (0, 1):
        assert not [
            line for line in problem_answer(UpstreamTimeout("slow"), b"1", "api", attempts)[0] if b"attempts" in line
        ]
    assert any(line.endswith(b"; attempts=3") for line in problem_answer(UpstreamTimeout("slow"), b"1", "api", 3)[0])


def test_who_must_show_a_token_is_told_so() -> None:
    lines, _ = problem_answer(CallerNotAllowed("no"), b"1")
    assert b'WWW-Authenticate: Outrider-Token realm="outrider"' in lines
    assert not [line for line in problem_answer(RouteNotFound("none"), b"1")[0] if line.startswith(b"WWW")]


def test_who_is_too_fast_is_told_the_limit() -> None:
    told = (b'RateLimit-Policy: "upstream";q=1', b'RateLimit: "upstream";r=0;t=2')
    lines, _ = problem_answer(RateLimited("slower", retry_after=1.5, lines=told), b"1")
    assert [line for line in lines if line.startswith(b"RateLimit")] == list(told)
    assert b"Retry-After: 2" in lines


def test_a_document_ends_its_line_and_takes_any_text() -> None:
    _, content = problem_answer(RouteNotFound('a "quote" and ü'), b"id-\xff")
    assert content.endswith(b"}\n")
    assert json.loads(content)["request_id"] == "id-\xff"


def test_what_is_wrong_with_a_credential_is_told_in_a_whole_sentence() -> None:
    _, content = problem_answer(ERRORS["session_expired"]("the session was ended: log in"), b"id-1")
    assert json.loads(content)["detail"] == "The session was ended: log in."
