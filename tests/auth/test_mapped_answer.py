import base64
import json
from typing import Any

import pytest

from proxy.auth.mapped_answer import AnswerMap
from proxy.auth.token_answer import DEFAULT_LIFETIME, Granted, Refused
from proxy.config.call_model import ResponseMap
from proxy.config.unauthorized_model import Unauthorized
from proxy.message.call import Reply
from proxy.secret import Secret

NOW = 1_700_000_000.0


def read(
    content: Any, status: int = 200, lines: tuple[bytes, ...] = (), *, body: str | None = None, **options: str
) -> Granted | Refused:
    signs = None if body is None else Unauthorized.model_validate({"body": body})
    answers = AnswerMap("refresh endpoint", ResponseMap.model_validate(options), signs)
    return answers.read(
        Reply(status, lines, content if isinstance(content, bytes) else json.dumps(content).encode()), NOW
    )


def granted(content: Any, **options: str) -> Granted:
    outcome = read(content, **options)
    assert isinstance(outcome, Granted)
    return outcome


def refused(content: Any, status: int = 200, lines: tuple[bytes, ...] = (), **options: Any) -> Refused:
    outcome = read(content, status, lines, **options)
    assert isinstance(outcome, Refused)
    return outcome


def test_things_are_found_where_they_are_said_to_stand() -> None:
    answer = {"data": {"token": "t", "ttl": "90", "next": ["r"]}}
    found = granted(answer, access_token="data.token", refresh_token="data.next[0]", expires_in="data.ttl")
    assert (found.access, found.refresh, found.lifetime) == (Secret("t"), Secret("r"), 90)


@pytest.mark.parametrize("end", [NOW + 60, str(NOW + 60), (NOW + 60) * 1000, "2023-11-14T22:14:20Z"])
def test_a_moment_is_read_in_each_of_its_forms(end: object) -> None:
    assert granted({"access_token": "t", "end": end}, expires_at="end").lifetime == pytest.approx(60)


def test_without_an_expiry_that_of_a_jwt_counts() -> None:
    part = base64.urlsafe_b64encode(json.dumps({"exp": NOW + 30}).encode()).decode().rstrip("=")
    assert granted({"access_token": f"h.{part}.s"}, expires_in="missing").lifetime == 30
    assert granted({"access_token": "opaque"}).lifetime == DEFAULT_LIFETIME


@pytest.mark.parametrize(
    "content", [b"<html>", [], {}, {"access_token": ""}, {"access_token": 5}, {"access_token": "a\nb"}]
)
def test_an_answer_without_a_token_is_a_failure_for_now(content: Any) -> None:
    assert not refused(content).terminal


def test_an_expiry_that_is_none_is_a_failure() -> None:
    assert "not a time" in refused({"access_token": "t", "end": "soon"}, expires_at="end").detail
    assert "expired already" in refused({"access_token": "t", "ttl": 0}, expires_in="ttl").detail


@pytest.mark.parametrize(
    ("status", "terminal"), [(400, True), (401, True), (403, True), (404, False), (429, False), (503, False)]
)
def test_a_refusal_ends_the_session_and_a_fault_does_not(status: int, terminal: bool) -> None:
    assert refused({"access_token": "t"}, status).terminal is terminal


def test_the_wait_that_is_asked_for_is_kept() -> None:
    assert refused(b"", 429, (b"Retry-After: 7",)).retry_after == 7


def test_a_refusal_under_200_is_known_by_the_profiles_own_sign() -> None:
    assert refused({"code": 401, "access_token": "t"}, body="code == `401`").terminal


def test_no_text_of_the_answer_is_repeated() -> None:
    assert "hunter2" not in refused({"error": "hunter2"}, 400).detail + refused({"oops": "hunter2"}).detail
