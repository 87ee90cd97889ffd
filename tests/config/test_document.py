import pytest

from proxy.config.document import Document, Place, parse_document


def parse(text: str, **environ: str) -> tuple[Document, list[str]]:
    document, problems = parse_document(text, "f", environ)
    return document, [str(problem) for problem in problems]


def test_every_key_and_value_keeps_its_place() -> None:
    document, said = parse("a: 1\nb:\n  - x\n  - {c: y}\n")
    assert said == []
    assert document.data == {"a": 1, "b": ["x", {"c": "y"}]}
    assert document.keys["b",] == Place(2, 1)
    assert document.values["a",] == Place(1, 4)
    assert document.keys["b", 1, "c"] == Place(4, 6)
    assert document.values["b", 1, "c"] == Place(4, 9)


def test_a_problem_of_what_is_not_there_stands_at_what_is_around_it() -> None:
    document, _ = parse("a:\n  b: 1\n")
    problem = document.problem(("a", "missing"), "x", "y")
    assert (problem.line, problem.column) == (1, 1)


@pytest.mark.parametrize("text", ["a: 1\na: 2", "a: 1\n'a': 2", "{a: 1, a: 2}"])
def test_a_duplicate_key_is_an_error_with_its_line(text: str) -> None:
    document, (line,) = parse(text)
    assert 'the key "a" is here twice; remove one; the first is on line 1' in line
    assert document.data == {"a": 1}


@pytest.mark.parametrize("text", ["1: a", "true: a", "~: a", "? [a]\n: b", "? {a: b}\n: c", "a: {{ b }}"])
def test_a_key_that_is_not_text_is_an_error(text: str) -> None:
    _, (line,) = parse(text)
    assert "a key here is text; put it in quotes" in line


def test_on_and_off_are_keys_like_any_others() -> None:
    document, said = parse("on: 1\nno: 2")
    assert (document.data, said) == ({"on": 1, "no": 2}, [])


def test_an_alias_has_the_value_and_place_of_its_anchor() -> None:
    document, said = parse("a: &x {b: 1}\nc: *x\n")
    assert (document.data, said) == ({"a": {"b": 1}, "c": {"b": 1}}, [])
    assert document.values["c", "b"] == document.values["a", "b"]
    assert document.data["a"] is not document.data["c"]


def test_a_merge_fills_in_what_is_not_there() -> None:
    document, said = parse("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\ne: {<<: [*x, {f: 4}]}\n")
    assert said == []
    assert document.data["d"] == {"c": 3, "b": 1}
    assert document.data["e"] == {"b": 1, "c": 2, "f": 4}


def test_only_a_section_can_be_merged() -> None:
    _, (line,) = parse("a: {<<: text}")
    assert line == "f:1:9: only a section can be merged; write <<: *name, or <<: [*one, *two]"


@pytest.mark.parametrize(
    "text", ["a: &x [*x]", "a: &x {b: *x}", "a: &x {<<: *x}", "a: &x {b: {<<: [*x]}}", "&x a: {b: &y [*y]}"]
)
def test_an_anchor_that_holds_itself_is_an_error(text: str) -> None:
    _, said = parse(text)
    assert len(said) == 1
    assert "an anchor that holds itself" in said[0]


@pytest.mark.parametrize("link", ["a{0}: &x{0} [{1}]", "a{0}: &x{0} {{k: [{1}]}}"], ids=["lists", "sections"])
def test_a_bomb_of_aliases_is_bounded(link: str) -> None:
    lines = ["a0: &x0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"]
    lines += [link.format(number, ", ".join([f"*x{number - 1}"] * 10)) for number in range(1, 12)]
    document, (line,) = parse("\n".join(lines))
    assert "too many values, aliases followed" in line
    assert document.is_broken(("anything",))


def test_a_bomb_of_merges_is_bounded() -> None:
    lines = ["a0: &x0 {k0: 1}"]
    for number in range(1, 12):
        merges = ", ".join([f"*x{number - 1}"] * 10)
        lines.append(f"a{number}: &x{number} {{<<: [{merges}], k{number}: 1}}")
    _, said = parse("\n".join(lines))
    assert any("too many values" in line for line in said)


def test_a_tag_is_an_error() -> None:
    _, (line,) = parse("a: !!python/object:os.system x")
    assert line == "f:1:4: a tag is not understood here; remove the word that begins with !"


def test_half_a_character_is_an_error() -> None:
    _, (line,) = parse('a: "\\ud800"')
    assert "half a character" in line


@pytest.mark.parametrize(
    ("value", "seen"),
    [("7", 7), ("true", True), ("", ""), ("null", "null"), ("x", "x"), ("22:22", "22:22"), ("on", "on")],
)
def test_a_variable_is_typed_like_a_plain_scalar(value: str, seen: object) -> None:
    document, said = parse('a: "${V}"', V=value)
    assert (document.data, said) == ({"a": seen}, [])
    assert document.texts["a",] == value


@pytest.mark.parametrize("text", ["a:", "a: ~", "a: null", "b: [1, ~]"])
def test_nothing_is_no_value(text: str) -> None:
    _, (line,) = parse(text)
    assert line.endswith("nothing is written here; write its value, or remove the line")


def test_an_escaped_reference_is_text_and_no_variable() -> None:
    document, said = parse("a: $${V}")
    assert (document.data, said, document.texts) == ({"a": "${V}"}, [], {})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: ${V}", "1:4"),
        ("a: x/${V}", "1:6"),
        ("a: 'x/${V}'", "1:7"),
        ('a: "\\n${V}"', "1:4"),
        ("a: |\n  x\n  ${V}", "1:4"),
    ],
)
def test_an_unset_variable_is_an_error_with_its_place(text: str, place: str) -> None:
    document, said = parse(text)
    assert said == [f"f:{place}: the environment variable V is not set; set it, or write ${{V:-default}}"]
    assert document.is_broken(("a",))


def test_a_reference_that_cannot_be_read_is_an_error() -> None:
    _, (line,) = parse("a: ${1}")
    assert line.startswith("f:1:4: ${ does not begin a variable here; write ${NAME}")


@pytest.mark.parametrize(
    ("text", "message"), [("", "empty"), ("# only a comment", "empty"), ("- a", "sections"), ("a", "sections")]
)
def test_a_file_that_is_not_made_of_sections_is_an_error(text: str, message: str) -> None:
    document, (line,) = parse(text)
    assert line.startswith("f:1:1: ")
    assert message in line
    assert document.is_broken(())


def test_what_came_from_the_environment_is_not_shown() -> None:
    document, _ = parse("a: ${V}\nb: plain", V="kanarie")
    assert "kanarie" not in document.shown(("a",), "kanarie")
    assert document.shown(("b",), "plain") == '"plain"'
