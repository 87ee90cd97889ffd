import json

import pytest

from proxy.admin.answer import SECURITY_FIELDS, AdminAnswer, document, problem, text
from proxy.errors import MethodNotAllowed, NotFound


@pytest.mark.parametrize("made", [text(200, "live"), document(200, {}), problem(NotFound("no"), b"a-1")])
def test_every_answer_carries_the_security_fields(made: AdminAnswer) -> None:
    assert SECURITY_FIELDS.items() <= made.headers.items()


def test_the_security_fields_forbid_scripts_frames_guessing_and_keeping() -> None:
    assert "default-src 'none'" in SECURITY_FIELDS["Content-Security-Policy"]
    assert SECURITY_FIELDS["X-Frame-Options"] == "DENY"
    assert SECURITY_FIELDS["X-Content-Type-Options"] == "nosniff"
    assert SECURITY_FIELDS["Cache-Control"] == "no-store"
    assert SECURITY_FIELDS["Referrer-Policy"] == "no-referrer"


def test_a_problem_is_a_problem_document_of_the_one_form() -> None:
    made = problem(MethodNotAllowed("This path answers GET.", lines=(b"Allow: GET, HEAD",)), b"a-1")
    assert (made.status, made.content_type) == (405, "application/problem+json")
    said = json.loads(made.body)
    assert said["type"] == "urn:outrider:error:method_not_allowed"
    assert (said["code"], said["stage"], said["request_id"]) == ("method_not_allowed", "admin", "a-1")
    assert made.headers["Allow"] == "GET, HEAD"
