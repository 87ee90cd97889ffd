import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.interpolate import BadReference, interpolate

ENVIRON = {"A": "one", "EMPTY": "", "NESTED": "${A}"}


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("${A}", "one"),
        ("x${A}y${A}", "xoney" + "one"),
        ("${EMPTY}", ""),
        ("${UNSET:-two}", "two"),
        ("${EMPTY:-two}", "two"),
        ("${A:-two}", "one"),
        ("${UNSET:-}", ""),
        ("${NESTED}", "${A}"),
    ],
)
def test_a_variable_gives_its_value_or_its_default(text: str, outcome: str) -> None:
    result = interpolate(text, ENVIRON)
    assert (result.text, result.used, result.bad) == (outcome, True, ())


@pytest.mark.parametrize(
    ("text", "outcome"), [("$${A}", "${A}"), ("$A", "$A"), ("$$", "$$"), ("a$", "a$"), ("{A}", "{A}")]
)
def test_what_is_no_reference_stays(text: str, outcome: str) -> None:
    result = interpolate(text, ENVIRON)
    assert (result.text, result.used, result.bad) == (outcome, False, ())


def test_an_unset_variable_without_a_default_is_bad_at_its_offset() -> None:
    assert interpolate("ab${UNSET}", ENVIRON).bad == (BadReference(2, "UNSET"),)


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${A-b}", "${A:b}", "${A b}", "${A"])
def test_a_reference_that_cannot_be_read_is_bad(text: str) -> None:
    assert interpolate(text, ENVIRON).bad == (BadReference(0, None),)


@given(st.text(alphabet="${}:-A_ab"))
def test_any_text_has_an_outcome(text: str) -> None:
    result = interpolate(text, ENVIRON)
    assert result.used or result.text == text.replace("$${", "${")
