import pytest

from proxy.config.errors_model import USUAL_MESSAGE
from tests.config.loading import config, only

FILE = "upstreams: {{api: {{url: http://127.0.0.1:9000, errors: {0}}}}}"


def test_the_form_of_the_contract_is_taken() -> None:
    errors = config(FILE.format('{normalize: true, message: "message || error"}')).upstreams["api"].errors
    assert errors is not None
    assert (errors.normalize, errors.message) == (True, "message || error")


def test_without_a_message_the_usual_places_are_asked() -> None:
    errors = config(FILE.format("{normalize: true}")).upstreams["api"].errors
    assert errors is not None
    assert errors.message == USUAL_MESSAGE


@pytest.mark.parametrize("expression", ["error.", "a ||", "'", "error message", '""""'])
def test_what_is_no_expression_is_an_error_with_its_place(expression: str) -> None:
    line = only(_file(expression))
    assert line.startswith("4:23: upstreams.api.errors.message: not a JMESPath expression at character ")


def _file(expression: str) -> str:
    quoted = "'" + expression.replace("'", "''") + "'"
    return f"upstreams:\n  api:\n    url: http://127.0.0.1:9000\n    errors: {{message: {quoted}}}\n"


def test_a_function_that_does_not_exist_is_found() -> None:
    assert "calls a function that there is not" in only(_file("shout(message)"))


def test_a_function_that_exists_is_taken_whatever_it_finds() -> None:
    assert config(_file("join(', ', errors[].message)")).upstreams
