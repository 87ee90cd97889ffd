import json

import pytest

from proxy.admin.answer import SECURITY_FIELDS, AdminAnswer, document, problem, text


@pytest.mark.parametrize("made", [text(200, "live"), document(200, {}), problem(405, "no", Allow="GET")])
def test_every_answer_carries_the_security_fields(made: AdminAnswer) -> None:
    assert SECURITY_FIELDS.items() <= made.headers.items()


def test_the_security_fields_forbid_scripts_frames_guessing_and_keeping() -> None:
    assert "default-src 'none'" in SECURITY_FIELDS["Content-Security-Policy"]
    assert SECURITY_FIELDS["X-Frame-Options"] == "DENY"
    assert SECURITY_FIELDS["X-Content-Type-Options"] == "nosniff"
    assert SECURITY_FIELDS["Cache-Control"] == "no-store"
    assert SECURITY_FIELDS["Referrer-Policy"] == "no-referrer"


def test_a_problem_is_a_problem_document() -> None:
    made = problem(405, "this path answers GET", Allow="GET, HEAD")
    assert made.content_type == "application/problem+json"
    assert json.loads(made.body) == {
        "type": "about:blank",
        "title": "Method Not Allowed",
        "status": 405,
        "detail": "this path answers GET",
    }
    assert made.headers["Allow"] == "GET, HEAD"
