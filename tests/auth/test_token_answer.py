import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.auth.token_answer import DEFAULT_LIFETIME, AnswerReader, Granted, Refused, read_answer
from proxy.config.oauth2_parts import AnswerMap
from proxy.message.call import Reply

NOW = 1_700_000_000.0


def read(content: object, status: int = 200, *lines: bytes, media: bytes = b"application/json") -> Granted | Refused:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_answer(Reply(status, [b"Content-Type: " + media, *lines], body), NOW)


def lifetime(**members: Any) -> float:
    outcome = read({"access_token": "t"} | members)
    assert isinstance(outcome, Granted)
    return outcome.lifetime


def jwt(**claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.c2ln"


def test_a_usual_answer_gives_its_tokens() -> None:
    outcome = read({"access_token": "a", "refresh_token": "r", "expires_in": 60})
    assert isinstance(outcome, Granted)
    assert outcome.refresh is not None
    assert (outcome.access.reveal(), outcome.refresh.reveal(), outcome.lifetime) == ("a", "r", 60)
    assert "a" not in repr(outcome).replace("Granted", "").replace("redacted", "")


@pytest.mark.parametrize(
    ("members", "seconds"),
    [
        ({"expires_in": 60}, 60),
        ({"expires_in": "60"}, 60),
        ({"expires_in": 60.5}, 60.5),
        ({"expires_at": NOW + 90}, 90),
        ({"expires_at": (NOW + 90) * 1000}, 90),
        ({"expires_on": str(int(NOW) + 90)}, 90),
        ({"expires_at": "2023-11-14T22:14:50Z"}, 90),
        ({"expires_in": 60, "expires_at": NOW + 90}, 60),
        ({"expires_in": "soon", "expires_at": NOW + 90}, 90),
        ({"expires_in": None}, DEFAULT_LIFETIME),
        ({"expires_in": True}, DEFAULT_LIFETIME),
        ({"expires_in": "nan"}, DEFAULT_LIFETIME),
        ({"expires_at": "2023-11-14T22:14:50"}, DEFAULT_LIFETIME),
        ({"expires_in": 1e14}, 366 * 86400),
        ({}, DEFAULT_LIFETIME),
        ({"access_token": jwt(exp=NOW + 120)}, 120),
        ({"access_token": jwt(exp=NOW + 120), "expires_in": 60}, 60),
        ({"access_token": jwt(sub="x")}, DEFAULT_LIFETIME),
        ({"access_token": "a.!.c"}, DEFAULT_LIFETIME),
    ],
)
def test_the_lifetime_is_found_in_each_of_its_forms(members: dict[str, Any], seconds: float) -> None:
    assert lifetime(**members) == pytest.approx(seconds)


def test_a_moment_is_measured_on_the_servers_own_clock_where_it_tells_it() -> None:
    an_hour_behind_ours = b"Date: Tue, 14 Nov 2023 21:13:20 GMT"
    outcome = read({"access_token": "t", "expires_at": NOW - 3600 + 300}, 200, an_hour_behind_ours)
    assert isinstance(outcome, Granted)
    assert outcome.lifetime == 300


def test_a_form_is_read_like_json() -> None:
    outcome = read(b"access_token=a%2Bb&expires_in=60", media=b"application/x-www-form-urlencoded")
    assert isinstance(outcome, Granted)
    assert (outcome.access.reveal(), outcome.lifetime) == ("a+b", 60)


def test_a_client_that_is_refused_is_told_where_to_look() -> None:
    outcome = read({"error": "invalid_client"}, 401)
    assert isinstance(outcome, Refused)
    advice = "check the client's id, its secret or key, and client_auth"
    assert outcome.detail == f"the token endpoint answers 401 with invalid_client; {advice}"


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "unauthorized_client"])
@pytest.mark.parametrize("status", [200, 400, 401, 403])
def test_these_errors_end_the_session_under_whatever_status(error: str, status: int) -> None:
    outcome = read({"error": error, "error_description": "s3cret"}, status)
    assert isinstance(outcome, Refused)
    assert (outcome.terminal, outcome.code) == (True, error)
    assert "s3cret" not in outcome.detail


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ({"error": "invalid_grant"}, 500),
        ({"error": "invalid_grant"}, 429),
        ({"error": "temporarily_unavailable"}, 400),
        ({"error": "server_error"}, 200),
        ({"error": "invalid_scope"}, 400),
        ({"error": "s3cret"}, 400),
        ({"error": {"code": 7}}, 200),
        ({}, 400),
        ({}, 302),
        (b"", 503),
        (b"", 408),
        (b"<html>Sign in s3cret</html>", 200),
        (b"<html>", 401),
        (b"[]", 200),
        (b"null", 200),
        (b"{", 200),
        (b"\xff\xfe", 200),
        (b"[" * 100_000, 200),
        ({}, 200),
        ({"access_token": ""}, 200),
        ({"access_token": None}, 200),
        ({"access_token": 7}, 200),
        ({"access_token": "a\r\nX: y"}, 200),
        ({"access_token": "\u00fc"}, 200),
        ({"access_token": "t", "expires_in": 0}, 200),
        ({"access_token": "t", "expires_in": -5}, 200),
        ({"access_token": jwt(exp=NOW - 1)}, 200),
    ],
)
def test_everything_else_fails_for_now_without_a_word_of_the_servers(content: object, status: int) -> None:
    outcome = read(content, status)
    assert isinstance(outcome, Refused)
    assert not outcome.terminal
    assert "s3cret" not in outcome.detail


def test_the_endpoints_retry_after_is_taken_along() -> None:
    outcome = read({}, 429, b"Retry-After: 17")
    assert isinstance(outcome, Refused)
    assert outcome.retry_after == 17


def test_a_refresh_token_that_no_form_can_carry_is_not_taken() -> None:
    outcome = read({"access_token": "a", "refresh_token": ""})
    assert isinstance(outcome, Granted)
    assert outcome.refresh is None


@given(st.binary(max_size=200), st.integers(100, 599), st.sampled_from([b"", b"application/json", b"text/html"]))
def test_no_answer_at_all_breaks_the_reader(content: bytes, status: int, media: bytes) -> None:
    assert isinstance(read(content, status, media=media), Granted | Refused)


def mapped(where: dict[str, str], content: object, media: bytes = b"application/json") -> Granted | Refused:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return AnswerReader(AnswerMap.model_validate(where))(Reply(200, [b"Content-Type: " + media], body), NOW)


def test_members_may_stand_elsewhere() -> None:
    where = {"access_token": "data.token", "refresh_token": "data.next", "expires_in": "data.ttl"}
    outcome = mapped(where, {"data": {"token": "a", "next": "r", "ttl": "60"}})
    assert isinstance(outcome, Granted)
    assert outcome.refresh is not None
    assert (outcome.access.reveal(), outcome.refresh.reveal(), outcome.lifetime) == ("a", "r", 60)


def test_what_is_not_said_to_stand_elsewhere_stands_where_it_always_does() -> None:
    outcome = mapped({"access_token": "token"}, {"token": "a", "refresh_token": "r", "expires_in": 60})
    assert isinstance(outcome, Granted)
    assert (outcome.refresh is not None, outcome.lifetime) == (True, 60)


def test_an_end_may_stand_elsewhere() -> None:
    outcome = mapped({"expires_at": "meta.until"}, {"access_token": "a", "meta": {"until": "2023-11-14T22:14:50Z"}})
    assert isinstance(outcome, Granted)
    assert outcome.lifetime == 90


def test_a_form_may_rename_its_members() -> None:
    form = b"application/x-www-form-urlencoded"
    outcome = mapped({"access_token": "token", "expires_in": "ttl"}, b"token=a&ttl=60", form)
    assert isinstance(outcome, Granted)
    assert (outcome.access.reveal(), outcome.lifetime) == ("a", 60)


@pytest.mark.parametrize("content", [{"data": [1]}, {"data": {"token": {}}}, {}, [1], b"<html>"])
def test_an_answer_without_what_is_looked_for_is_refused(content: object) -> None:
    assert isinstance(mapped({"access_token": "data.token"}, content), Refused)


def test_an_error_is_one_wherever_tokens_stand() -> None:
    outcome = mapped({"access_token": "data.token"}, {"error": "invalid_grant", "data": {"token": "a"}})
    assert isinstance(outcome, Refused)
    assert outcome.terminal


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BearerToken", "bot", "N_A", "", None, 7])
def test_servers_have_many_words_for_a_bearers_token(kind: object) -> None:
    assert isinstance(read({"access_token": "a", "token_type": kind}), Granted)


@pytest.mark.parametrize("kind", ["DPoP", "mac", "pop"])
def test_a_token_that_is_not_enough_alone_is_refused(kind: str) -> None:
    outcome = read({"access_token": "a", "token_type": kind})
    assert isinstance(outcome, Refused)
    assert kind.lower() in outcome.detail


@pytest.mark.parametrize(
    ("status", "error", "busy"),
    [(503, "", True), (429, "", True), (400, "temporarily_unavailable", True), (400, "invalid_grant", False),
     (200, "server_error", True), (400, "invalid_scope", False)],
)  # fmt: skip
def test_a_refusal_tells_whether_it_is_only_for_now(status: int, error: str, busy: bool) -> None:
    outcome = read({"error": error} if error else {}, status)
    assert isinstance(outcome, Refused)
    assert outcome.busy is busy
