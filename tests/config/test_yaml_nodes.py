import pytest
from yaml import ScalarNode

from proxy.config.yaml_nodes import NotYaml, compose, plain_value, scalar_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("22:22", "22:22"),
        ("1:30:00", "1:30:00"),
        ("42", 42),
        ("-1", -1),
        ("0", 0),
        ("0755", "0755"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("9" * 30, "9" * 30),
        ("1.5", 1.5),
        ("1e3", "1e3"),
        (".5", ".5"),
        ("2024-01-01", "2024-01-01"),
        ("~", None),
        ("null", None),
        ("", None),
        ("=", "="),
        ("127.0.0.1:8080", "127.0.0.1:8080"),
    ],
)
def test_a_plain_scalar_is_what_it_looks_like(text: str, value: object) -> None:
    assert plain_value(text) == value
    assert type(plain_value(text)) is type(value)
    if text:
        node = compose(text)
        assert isinstance(node, ScalarNode)
        assert scalar_value(node) == value


@pytest.mark.parametrize("text", ["'true'", '"42"', "!!str 42", "'~'"])
def test_a_quoted_or_marked_scalar_is_text(text: str) -> None:
    node = compose(text)
    assert isinstance(node, ScalarNode)
    assert isinstance(scalar_value(node), str)


@pytest.mark.parametrize(
    "text", ["!!int x", "!!bool on", "!!float 1", "!!binary aGk=", "!!python/name:os.system ''", "!x y"]
)
def test_a_tag_that_does_not_fit_has_no_value(text: str) -> None:
    node = compose(text)
    assert isinstance(node, ScalarNode)
    with pytest.raises(ValueError, match="tag"):
        scalar_value(node)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: b: c", (1, 5), "colon"),
        ("a: 1\nb\n", (3, 1), "without its colon"),
        ("a:\n  b: 1\n c: 2", (3, 2), "does not fit"),
        ("a:\n\tb: 1", (2, 1), "tab"),
        ("a: @b", (1, 4), "sign of YAML"),
        ("a: `b", (1, 4), "sign of YAML"),
        ("a: *nowhere", (1, 4), "alias"),
        ("a: &x 1\nb: &x 2\nc: &x 3", (2, 4), "anchor"),
        ("a: 'b\nc: d", (1, 4), "quote"),
        ("a: [b, c\nd: e", (1, 4), "bracket"),
        ("a: {b: c", (1, 4), "bracket"),
        ("a: 1\n---\nb: 2", (2, 1), "second document"),
        ('a: "\\q"', (1, 6), "escape"),
        ("a: \x07", (1, 4), "character"),
        ("ab\ncd: \x00", (2, 5), "character"),
    ],
)
def test_what_is_not_yaml_is_named_with_its_place(text: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(NotYaml, match=message) as caught:
        compose(text)
    assert (caught.value.line, caught.value.column) == place
    assert caught.value.hint


@pytest.mark.parametrize(
    "text", ["a: *kanarie", "a: !kanarie! b", "a: 'kanarie", "kanarie: b: c", "a: &kanarie 1\nb: &kanarie 2"]
)
def test_no_message_about_yaml_shows_the_text(text: str) -> None:
    with pytest.raises(NotYaml) as caught:
        compose(text)
    assert "kanarie" not in f"{caught.value}{caught.value.message}{caught.value.hint}"


@pytest.mark.parametrize("text", ["[" * 10_000, "{a: " * 10_000, "- " * 10_000, "? " * 10_000])
def test_depth_is_bounded(text: str) -> None:
    with pytest.raises(NotYaml, match="too many levels"):
        compose(text)


@pytest.mark.parametrize("text", ['"\\UFFFFFFFF"', '"\\U00110000"', "%YAML " + "9" * 5000 + ".1\n--- a"])
def test_numbers_beyond_any_character_or_version_are_no_crash(text: str) -> None:
    with pytest.raises(NotYaml):
        compose(text)


def test_an_empty_text_has_no_node() -> None:
    assert compose("# nothing\n") is None
