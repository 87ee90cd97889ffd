"""What a step of a login takes out of its answer, and what it leaves alone."""

import pytest

from proxy.config.login_model import Taken
from proxy.message.call import Reply
from proxy.policy.cookie_jar import CookieJar
from proxy.policy.login_answer import form_field, taken

PAGE = (
    b'<META name=csrf content="in the head"><form><input name="csrf" value="in &amp; of the form"><input name=b></form>'
)


def found(content: bytes = b"", *lines: bytes, **how: str) -> str | None:
    jar = CookieJar()
    jar.take(lines, "https://api.example/login", 0.0)
    return taken(Taken.model_validate(how), Reply(200, lines, content), jar)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (b'{"a": {"b": "c"}}', "c"),
        (b'{"a": {"b": 7}}', "7"),
        (b'{"a": {"b": true}}', None),
        (b'{"a": {"b": ""}}', None),
        (b'{"a": {"b": ["c"]}}', None),
        (b'{"a": {}}', None),
        (b"<html>", None),
    ],
)
def test_of_a_json_document_a_text_or_a_whole_number_is_taken(document: bytes, text: str | None) -> None:
    assert found(document, json="a.b") == text


def test_what_is_longer_than_any_token_is_not_taken() -> None:
    assert found(b'{"a": "%b"}' % (b"x" * 8192), json="a") == "x" * 8192
    assert found(b'{"a": "%b"}' % (b"x" * 8193), json="a") is None


def test_a_field_is_found_whatever_its_case_and_the_first_one_counts() -> None:
    assert found(b"", b"X-TOKEN:  one ", b"X-Token: two", field="x-Token") == "one"
    assert found(b"", b"X-Other: one", field="X-Token") is None


def test_a_cookie_is_taken_from_what_was_set() -> None:
    assert found(b"", b"Set-Cookie: sid=one; HttpOnly", cookie="sid") == "one"
    assert found(b"", b"Set-Cookie: other=one", cookie="sid") is None


def test_the_first_input_or_meta_of_the_name_counts() -> None:
    assert form_field(PAGE, "csrf") == "in the head"
    assert form_field(PAGE.partition(b">")[2], "csrf") == "in & of the form"


@pytest.mark.parametrize(
    "page", [b"", b"<input name=csrf>", b"<a name=csrf value=x>", b"<!-- <input name=csrf value=x> -->"]
)
def test_what_is_no_filled_field_is_not_found(page: bytes) -> None:
    assert form_field(page, "csrf") is None


def test_a_page_that_is_no_utf_8_is_looked_into_all_the_same() -> None:
    assert form_field(b"\xff<input name=csrf value=x>", "csrf") == "x"
