import pytest

from proxy.intercept.fields import Fields, request_fields, response_fields


def fields(*pairs: tuple[bytes, bytes]) -> Fields:
    return request_fields(pairs)


MANY = ((b"X-A", b"1"), (b"x_a", b"2"), (b"X-B", b"3"))


def test_names_are_one_whatever_their_case_and_their_dashes() -> None:
    made = fields(*MANY)
    assert (made["x-a"], made.get_all("X-A"), len(made), list(made)) == ("1", ["1", "2"], 2, ["X-A", "X-B"])
    assert "X_A" in made
    assert not made.changed


def test_setting_replaces_all_of_a_name_and_adding_none() -> None:
    made = fields(*MANY)
    made["X-A"] = "9"
    made.add("X-B", "4")
    assert made.pairs() == [(b"X-B", b"3"), (b"X-A", b"9"), (b"X-B", b"4")]
    assert made.changed


def test_renaming_keeps_places_and_replaces_what_had_the_name() -> None:
    made = fields(*MANY)
    assert made.rename("x-b", "X-A")
    assert made.pairs() == [(b"X-A", b"3")]
    assert not made.rename("X-Gone", "X-New")


def test_removing_tells_whether_there_was_one() -> None:
    made = fields(*MANY)
    assert (made.remove("x-a"), made.remove("x-a")) == (True, False)
    with pytest.raises(KeyError):
        del made["X-A"]


@pytest.mark.parametrize(
    "name", ["Host", "content-length", "Content_Length", "Connection", "Outrider-Auth", "a b", "", "Via"]
)
def test_what_belongs_to_the_connection_or_to_outrider_cannot_be_set(name: str) -> None:
    with pytest.raises(ValueError, match="no field that an interceptor may set"):
        fields()[name] = "x"


@pytest.mark.parametrize("value", ["a\r\nX-B: c", "a\0b", "\x7f"])
def test_a_value_cannot_begin_a_new_line(value: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        fields()["X-A"] = value


def test_bytes_that_are_no_text_go_as_they_came() -> None:
    made = fields((b"X-A", b"\xff\xe9"))
    made["X-B"] = made["X-A"]
    assert made.pairs()[1] == (b"X-B", b"\xff\xe9")


def test_an_answer_may_have_fields_that_a_request_may_not() -> None:
    made = response_fields([])
    made["Set-Cookie"] = "a=b"
    made["Location"] = "/x"
    with pytest.raises(ValueError, match="may set"):
        made["Access-Control-Allow-Origin"] = "*"


def test_values_are_not_in_its_representation() -> None:
    assert repr(fields((b"Authorization", b"secret"))) == "Fields(Authorization)"
