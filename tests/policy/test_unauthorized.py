import gzip
import zlib
from collections.abc import Callable

import pytest

from proxy.config.unauthorized_model import Unauthorized
from proxy.policy.unauthorized import UnauthorizedRules, is_unauthorized


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        (401, []),
        (401, [b"WWW-Authenticate: Bearer"]),
        (401, [b'WWW-Authenticate: Bearer error="invalid_token"']),
        (403, [b'WWW-Authenticate: Bearer realm="a", error="invalid_token", error_description="expired"']),
        (403, [b"www-authenticate:Bearer error=invalid_token"]),
        (403, [b"X: y", b'WWW-AUTHENTICATE: Bearer ERROR = "Invalid_Token"']),
        (403, [b"WWW-Authenticate: Basic", b'WWW-Authenticate: Bearer error="invalid_token"']),
    ],
)
def test_these_mean_that_the_credential_was_not_accepted(status: int, lines: list[bytes]) -> None:
    assert is_unauthorized(status, lines)


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        (200, [b'WWW-Authenticate: Bearer error="invalid_token"']),
        (403, []),
        (403, [b"WWW-Authenticate: Bearer"]),
        (403, [b'X-Other: error="invalid_token"']),
        (403, [b'WWW-Authenticate: Bearer error_description="invalid_token"']),
        (403, [b'WWW-Authenticate: Bearer error="insufficient_scope"']),
        (401, [b'WWW-Authenticate: Bearer error="insufficient_scope", scope="admin"']),
        (407, [b'WWW-Authenticate: Bearer error="invalid_token"']),
    ],
)
def test_these_do_not(status: int, lines: list[bytes]) -> None:
    assert not is_unauthorized(status, lines)


CONTRACT = "code == `401` || contains(message || '', 'token expired')"
JSON = b"Content-Type: application/json"
HTML = b"Content-Type: text/html; charset=utf-8"


def rules(**options: object) -> UnauthorizedRules:
    return UnauthorizedRules(Unauthorized.model_validate(options))


def says(made: UnauthorizedRules, content: bytes, *lines: bytes, status: int = 200, whole: bool = True) -> bool | None:
    """What the judge of the content says; False where there is none."""
    judge = made.judge(status, lines, None)
    return False if judge is None else judge.verdict(content, whole=whole)


def test_a_list_of_statuses_stands_in_the_place_of_the_usual_rule() -> None:
    made = rules(status=[403, 419])
    assert [made.by_head(status, []) for status in (401, 403, 419)] == [False, True, True]
    assert set(made.suspects) == {403, 419}


def test_insufficient_scope_is_never_helped_by_another_token() -> None:
    lines = [b'WWW-Authenticate: Bearer error="insufficient_scope"', JSON]
    made = rules(status=[403], body="code")
    assert not made.by_head(403, lines)
    assert made.judge(403, lines, None) is None


@pytest.mark.parametrize(
    "content",
    [b'{"code": 401}', b'{"code": 0, "message": "your token expired at noon"}', b' {"message":"token expired"}\n'],
)
def test_a_condition_on_a_json_answer_means_it_under_any_status(content: bytes) -> None:
    made = rules(status=[401, 403], body=CONTRACT)
    assert all(says(made, content, JSON, status=status) for status in (200, 400, 500))


@pytest.mark.parametrize("content", [b'{"code": "401"}', b'{"message": 5}', b"[401]", b"not json", b"", b"[" * 5000])
def test_a_condition_that_does_not_hold_or_cannot_be_asked_means_nothing(content: bytes) -> None:
    assert says(rules(body=CONTRACT), content, JSON) is False


@pytest.mark.parametrize(
    ("media", "looked_at"),
    [
        (b"application/json", True),
        (b"Application/JSON ; charset=utf-8", True),
        (b"application/problem+json", True),
        (b"text/json", True),
        (b"text/event-stream", False),
        (b"application/x-ndjson", False),
        (b"application/json-seq", False),
        (b"application/geo+json-seq", False),
        (b"text/html", False),
        (b"", False),
    ],
)
def test_only_json_documents_are_held_back_for_a_condition(media: bytes, looked_at: bool) -> None:
    assert (rules(body="code").judge(200, [b"content-type: " + media], None) is not None) is looked_at


@pytest.mark.parametrize(("length", "looked_at"), [(0, False), (100, True), (101, False), (None, True)])
def test_an_answer_that_is_known_to_be_over_the_cap_is_not_held_back(length: int | None, looked_at: bool) -> None:
    assert (rules(body="code", cap="100B").judge(200, [JSON], length) is not None) is looked_at


def test_more_is_asked_for_until_the_document_is_whole_or_over_the_cap() -> None:
    judge = rules(body="code", cap="10B").judge(200, [JSON], None)
    assert judge is not None
    assert judge.verdict(b'{"code":', whole=False) is None
    assert judge.verdict(b'{"code":1}', whole=True) is True
    assert judge.verdict(b'{"code":12}', whole=False) is False


def test_a_form_is_known_by_a_pattern_in_the_first_bytes_of_a_page() -> None:
    made = rules(form="<form[^>]+login", cap="40B")
    assert says(made, b'<html><form id="login">', HTML, whole=False) is True
    assert says(made, b"<html><p>", HTML, whole=False) is None
    assert says(made, b"<html><p>", HTML, whole=True) is False
    assert says(made, b"x" * 30 + b'<form id="login">', HTML, whole=False) is False


def test_a_form_counts_under_200_and_in_a_page_alone() -> None:
    made = rules(form="login")
    assert made.judge(404, [HTML], None) is None
    assert made.judge(200, [JSON], None) is None
    assert 200 in made.suspects


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_compressed_content_is_looked_into(pack: Callable[[bytes], bytes]) -> None:
    for coding in (b"gzip", b"deflate"):
        assert says(rules(body="code"), pack(b'{"code": 1}'), JSON, b"Content-Encoding: " + coding) is True


def test_a_small_answer_that_unpacks_to_a_large_one_is_left_alone() -> None:
    bomb = gzip.compress(b'{"code": 1, "x": "' + b"a" * 10_000_000 + b'"}')
    assert says(rules(body="code"), bomb, JSON, b"Content-Encoding: gzip") is False


def test_content_that_cannot_be_read_is_left_alone() -> None:
    assert rules(body="code").judge(200, [JSON, b"Content-Encoding: br"], None) is None
    assert says(rules(body="code"), b"not gzip", JSON, b"Content-Encoding: gzip") is False


@pytest.mark.parametrize(
    ("status", "location", "meant"),
    [
        (302, b"/login?next=/", True),
        (303, b"https://sso.example.com/login", True),
        (302, b"/orders/7", False),
        (200, b"/login", False),
        (304, b"/login", False),
    ],
)
def test_a_redirect_to_a_login_page_means_it(status: int, location: bytes, meant: bool) -> None:
    made = rules(redirect=r"(^|[^/])/login\b")
    assert made.by_head(status, [b"Location: " + location]) is meant


def test_a_profile_that_says_nothing_has_only_two_suspects() -> None:
    assert set(rules().suspects) == {401, 403}
