import pytest

from proxy.policy.template import TemplateError, check_template, compile_template, template_names

VALUES = {"user": "ann", "key": "a/b c+ä"}


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{{ user }}", "ann"),
        ("{{user}}", "ann"),
        ("<{{ user }}:{{ user }}>", "<ann:ann>"),
        ("{{ key | base64 }}", "YS9iIGMrw6Q="),
        ("{{ key | urlencode }}", "a%2Fb%20c%2B%C3%A4"),
        ("{{ key|base64|urlencode }}", "YS9iIGMrw6Q%3D"),
        ('{"a": {"b": "{{ user }}"}}', '{"a": {"b": "ann"}}'),
    ],
)
def test_places_are_filled_and_everything_else_is_kept(text: str, rendered: str) -> None:
    assert compile_template(text).render(VALUES) == rendered


def test_a_value_that_looks_like_a_template_is_not_one() -> None:
    assert compile_template("{{ a }}").render({"a": "{{ b }}", "b": "no"}) == "{{ b }}"


def test_names_come_once_each_in_order() -> None:
    assert template_names("{{ b }} {{ a | base64 }} {{ b }}") == ("b", "a")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ user", "without `}}`"),
        ("{{ }}", "does not name a value"),
        ("{{ user.upper() }}", "does not name a value"),
        ("{{ a b }}", "does not name a value"),
        ("{{ user | base46 }}", "unknown filter `base46`; did you mean `base64`"),
        ("{{ user | }}", "unknown filter"),
        ("{{ user {{ key }}", "does not name a value"),
    ],
)
def test_a_template_that_cannot_be_read_is_an_error_with_what_would_be_right(text: str, why: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(text)
    assert why in str(caught.value)
    assert check_template(text, VALUES) == str(caught.value)


def test_an_unknown_name_is_found_with_the_near_one() -> None:
    assert check_template("{{ usr }}", VALUES) == "unknown name `usr`; did you mean `user`?"


def test_an_unknown_name_with_none_near_is_found_with_those_there_are() -> None:
    assert check_template("{{ zzz }}", VALUES) == "unknown name `zzz`; there is `key`, `user`"
    assert check_template("{{ zzz }}", {}) == "unknown name `zzz`; there is none"


def test_a_good_template_has_no_finding() -> None:
    assert check_template("{{ user }}{{ key | base64 }}", VALUES) is None
