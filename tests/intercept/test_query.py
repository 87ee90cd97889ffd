import pytest

from proxy.intercept.query import Query

RAW = b"a=%41+b&&b&a=2&%zz=x"


def test_what_is_read_is_decoded_and_stays_as_it_was() -> None:
    query = Query(RAW)
    assert (query["a"], query.get_all("a"), query["b"], list(query)) == ("A b", ["A b", "2"], "", ["a", "b", "%zz"])
    assert (query.encoded(), query.changed) == (RAW, False)


def test_setting_replaces_in_the_place_of_the_first_and_leaves_the_rest_byte_for_byte() -> None:
    query = Query(RAW)
    query["a"] = "ä&"
    query["new"] = "1"
    assert query.encoded() == b"a=%C3%A4%26&&b&%zz=x&new=1"


def test_adding_and_removing() -> None:
    query = Query(b"a=1&b=2")
    query.add("a", "3")
    assert query.remove("b")
    assert not query.remove("b")
    assert query.encoded() == b"a=1&a=3"
    with pytest.raises(KeyError):
        del query["b"]


def test_renaming_keeps_the_value_as_it_was_written() -> None:
    query = Query(b"q=%41&old&limit=1&query=x")
    assert query.rename("q", "query")
    assert query.rename("old", "new")
    assert not query.rename("none", "x")
    assert query.encoded() == b"query=%41&new&limit=1"


def test_an_empty_query_has_nothing() -> None:
    assert (dict(Query(b"")), Query(b"").encoded()) == ({}, b"")


def test_values_are_not_in_its_representation() -> None:
    assert repr(Query(b"key=secret")) == "Query(key)"
