import pytest

from proxy.auth.secret_rules import MAX_SECRET, SecretUnavailable, accept_bytes, accept_text


@pytest.mark.parametrize(("text", "kept"), [("a\n", "a"), ("a\r\n", "a"), (" a ", " a "), ("ä", "ä"), ("a", "a")])
def test_one_line_end_is_not_part_of_a_secret(text: str, kept: str) -> None:
    assert accept_text(text, "it").reveal() == kept


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        ("a\n\n", "a line end"),
        ("a\rb", "a line end"),
        ("a\0b", "a NUL"),
        ("x" * (MAX_SECRET + 1), "longer than"),
        ("\udcff", "not UTF-8"),
    ],
)
def test_a_text_that_is_no_secret_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(SecretUnavailable, match=f"^it .*{why}"):
        accept_text(text, "it")


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(SecretUnavailable, match="not UTF-8"):
        accept_bytes(b"\xff\xfe", "it")


def test_what_a_command_said_is_in_the_log_text_and_not_in_the_detail() -> None:
    unavailable = SecretUnavailable("it failed", said="noise")
    assert (unavailable.detail, str(unavailable)) == ("it failed", "it failed: noise")
