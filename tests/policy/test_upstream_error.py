import gzip
import json
from http import HTTPStatus
from typing import Any

import pytest

from proxy.config.errors_model import USUAL_MESSAGE
from proxy.policy.upstream_error import Body, Facts, kept_lines, message_rule, problem_content, read_body

FACTS = Facts(422, "api", 2, b"r-1")


def document(content: bytes, message: str = USUAL_MESSAGE, facts: Facts = FACTS, **how: Any) -> dict[str, Any]:
    body = read_body(content, how.get("coding", b""), how.get("cap", 10_000), complete=how.get("complete", True))
    made: dict[str, Any] = json.loads(problem_content(facts, body, message_rule(message)))
    return made


def test_the_document_has_the_shape_of_every_other_problem() -> None:
    assert document(b'{"error": {"message": "no such currency", "line": 3}}', "error.message") == {
        "type": "urn:outrider:error:upstream_error",
        "title": f"The upstream answered 422 {HTTPStatus(422).phrase}",
        "status": 422,
        "detail": "no such currency",
        "code": "upstream_error",
        "stage": "upstream",
        "upstream": "api",
        "attempts": 2,
        "retryable": False,
        "request_id": "r-1",
        "upstream_error": {"error": {"message": "no such currency", "line": 3}},
    }


@pytest.mark.parametrize(
    "content",
    [
        b'{"message": "why"}',
        b'{"error": "why"}',
        b'{"error": {"message": "why"}}',
        b'{"error": "code_7", "error_description": "why"}',
        b'{"title": "No", "detail": "why"}',
    ],
)
def test_the_usual_places_of_a_message_are_known(content: bytes) -> None:
    assert document(content)["detail"] == "why"


@pytest.mark.parametrize("content", [b"", b"[]", b'{"message": 7}', b'{"message": ""}', b'{"message": " \\n"}', b"<p>"])
def test_without_a_message_the_detail_is_a_sentence_for_the_status(content: bytes) -> None:
    assert document(content)["detail"] == "The upstream understood the content and found a mistake in it."


@pytest.mark.parametrize(("status", "end"), [(418, "refused the request."), (599, "failed at this request.")])
def test_every_status_has_a_sentence(status: int, end: str) -> None:
    made = document(b"", facts=Facts(status, "api", 1, b"r"))
    assert made["detail"].endswith(end)
    assert str(status) in made["title"]


def test_a_message_is_on_one_line_printable_and_not_for_ever() -> None:
    detail = document(json.dumps({"message": "a\n\x1b[31m b" + "c" * 2000}).encode())["detail"]
    assert detail.startswith("a [31m bccc")
    assert len(detail) == 1001


def test_a_function_that_meets_another_type_finds_no_message() -> None:
    assert document(b'{"errors": 3}', "join(', ', errors)")["detail"].startswith("The upstream understood")


def test_json_is_kept_byte_for_byte() -> None:
    sent = '{"amount": 1.10, "id": 12345678901234567890123, "e": 1e999, "name": "\\u00e9\\ud800"}'
    content = problem_content(FACTS, read_body(sent.encode(), b"", 1000, complete=True), message_rule("a"))
    assert content.endswith(f', "upstream_error": {sent}}}\n'.encode())


@pytest.mark.parametrize("content", [b'{"a": NaN}', b"[" * 100_000, b'{"a": ', b"{'a': 1}"])
def test_what_is_nearly_json_is_text(content: bytes) -> None:
    assert isinstance(document(content, cap=10**6)["upstream_error"], str)


def test_text_is_kept_up_to_a_length() -> None:
    assert document(b"<h1>no</h1>")["upstream_error"] == "<h1>no</h1>"
    assert len(document(b"x" * 9000)["upstream_error"]) == 4097


def test_json_that_is_not_whole_is_text() -> None:
    assert document(b'{"a": 1}', complete=False)["upstream_error"] == '{"a": 1}'
    assert document(gzip.compress(b'{"a": "' + b"x" * 5000 + b'"}'), coding=b"gzip", cap=100)[
        "upstream_error"
    ].endswith("x")


def test_a_cut_in_the_middle_of_a_character_cuts_the_character_off() -> None:
    assert document("né".encode()[:-1], complete=False)["upstream_error"] == "n"


@pytest.mark.parametrize(
    ("content", "coding"), [(b"\x89PNG\r\n\x1a\n\x00", b""), (b"\xff\xfe", b""), (b"{}", b"br"), (b"", b"")]
)
def test_what_is_binary_or_nothing_is_left_out(content: bytes, coding: bytes) -> None:
    assert "upstream_error" not in document(content, coding=coding)


def test_compressed_json_is_undone() -> None:
    assert document(gzip.compress(b'{"message": "why"}'), coding=b"gzip")["detail"] == "why"


@pytest.mark.parametrize(("status", "retryable"), [(404, False), (429, True), (500, True), (501, False), (503, True)])
def test_a_status_says_whether_trying_again_may_help(status: int, retryable: bool) -> None:
    assert document(b"", facts=Facts(status, "api", 1, b"r"))["retryable"] is retryable


def test_fields_that_described_the_content_go_and_the_others_stay() -> None:
    lines = [
        b'WWW-Authenticate: Basic realm="a"',
        b"content-type: text/html",
        b"Content-Encoding: gzip",
        b'ETag: "x"',
        b"Retry-After: 3",
        b"Set-Cookie: a=b",
    ]
    assert kept_lines(lines) == [lines[0], lines[4], lines[5], b"Content-Type: application/problem+json"]


def test_nothing_is_a_body_without_words() -> None:
    assert read_body(b"", b"", 10, complete=True) == Body()
