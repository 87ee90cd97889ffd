import pytest

from proxy.policy.expression import Expression, document


def test_a_path_finds_what_stands_there() -> None:
    assert Expression("data.token").find({"data": {"token": "t"}}) == "t"


def test_what_is_not_there_is_nothing() -> None:
    assert Expression("data.token").find({"data": []}) is None


def test_a_function_over_another_type_is_nothing_rather_than_an_error() -> None:
    assert Expression("contains(message, 'x')").find({"message": 5}) is None


@pytest.mark.parametrize(
    ("value", "true"), [(0, True), (1, True), ("", False), ([], False), ({}, False), (False, False), (None, False)]
)
def test_truth_is_that_of_jmespath_in_which_every_number_is_true(value: object, true: bool) -> None:
    assert Expression("value").holds({"value": value}) is true


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_no_document(content: bytes) -> None:
    assert document(content) is None
