import pytest

from proxy.auth.fixed_secret import environment_reader, literal_reader
from proxy.auth.secret_rules import SecretUnavailable
from proxy.clock import NEVER
from proxy.secret import Secret


def test_a_fixed_secret_never_has_to_be_asked_for_again() -> None:
    assert literal_reader(Secret("s3cret")).recheck_at == NEVER


def test_the_environment_is_read_once() -> None:
    environ = {"TOKEN": "one\n"}
    reader = environment_reader("TOKEN", environ)
    environ["TOKEN"] = "two"
    assert reader.peek(0) == Secret("one")


async def test_an_unset_variable_is_told_from_an_empty_one() -> None:
    with pytest.raises(SecretUnavailable, match=r"^environment variable TOKEN is not set$"):
        await environment_reader("TOKEN", {}).read()
    with pytest.raises(SecretUnavailable, match=r"^environment variable TOKEN is empty$"):
        await environment_reader("TOKEN", {"TOKEN": ""}).read()


async def test_a_written_secret_with_a_line_end_inside_is_refused_without_being_shown() -> None:
    with pytest.raises(SecretUnavailable, match="line end") as caught:
        await literal_reader(Secret("s3cret\nX: y")).read()
    assert "s3cret" not in str(caught.value)
