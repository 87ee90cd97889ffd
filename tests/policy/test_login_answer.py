import pytest

from proxy.config.login_model import Taken
from proxy.message.call import Reply
from proxy.policy.cookie_jar import CookieJar
from proxy.policy.login_answer import form_field, taken


def found(where: dict[str, str], content: bytes = b"", *lines: bytes) -> str | None:
    reply, jar = Reply(200, lines, content), CookieJar()
    jar.take(lines, "https://a.example/login", 0.0)
    return taken(Taken.model_validate(where), reply, jar)


@pytest.mark.parametrize(
    ("where", "content", "line"),
    [
        ({"json": "a.b"}, b'{"a": {"b": "x"}}', b""),
        ({"input": "csrf"}, b'<form><input name="csrf" value="x"></form>', b""),
        ({"cookie": "c"}, b"", b"Set-Cookie: c=x"),
        ({"field": "X-CSRF"}, b"", b"x-csrf: x"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_value_is_taken_from_each_place_and_from_nowhere_else(
    where: dict[str, str], content: bytes, line: bytes
) -> None:
    assert found(where, content, line) == "x"
    assert found(where) is None


def test_a_number_is_taken_as_text_and_other_values_are_not() -> None:
    assert found({"json": "a"}, b'{"a": 12}') == "12"
    for content in (b'{"a": true}', b'{"a": null}', b'{"a": ["x"]}', b'{"a": ""}', b"not JSON"):
        assert found({"json": "a"}, content) is None


def test_what_is_too_long_to_be_sent_on_is_not_taken() -> None:
    assert found({"json": "a"}, b'{"a": "%b"}' % (b"x" * 8193)) is None


def test_the_first_input_or_meta_of_a_name_counts_with_its_entities_resolved() -> None:
    page = b'<meta name=t content="a&amp;b"><input name=t value=later><input name=other>'
    assert form_field(page, "t") == "a&b"
    assert form_field(page, "other") is None


def test_a_page_that_is_no_page_has_no_field() -> None:
    assert form_field(b"\xff\xfe<input name='t' value='x", "t") is None
