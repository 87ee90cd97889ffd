from argparse import Namespace
from pathlib import Path

import pytest

from proxy.cli.admin_token import AdminToken, NoToken, given_token


def arguments(file: Path | None = None) -> Namespace:
    return Namespace(token_file=None if file is None else str(file))


def test_nothing_given_is_no_token_and_so_is_an_empty_variable() -> None:
    assert given_token(arguments(), {}) is None
    assert given_token(arguments(), {"OUTRIDER_ADMIN_TOKEN": ""}) is None


def test_that_of_the_environment_is_taken_as_it_is() -> None:
    assert given_token(arguments(), {"OUTRIDER_ADMIN_TOKEN": " t "}) == AdminToken(" t ", "$OUTRIDER_ADMIN_TOKEN")


@pytest.mark.parametrize("written", ["t", "t\n", "t\r\n"])
def test_a_file_goes_before_the_environment_and_loses_its_line_end(tmp_path: Path, written: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(written.encode())
    assert given_token(arguments(file), {"OUTRIDER_ADMIN_TOKEN": "other"}) == AdminToken("t", str(file))


def test_a_file_that_cannot_be_read_is_named_and_nothing_else_is_taken(tmp_path: Path) -> None:
    with pytest.raises(NoToken, match=r"no: No such file or directory$"):
        given_token(arguments(tmp_path / "no"), {"OUTRIDER_ADMIN_TOKEN": "other"})


def test_a_file_that_is_not_text_is_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfesecret")
    with pytest.raises(NoToken) as refused:
        given_token(arguments(file), {})
    assert str(refused.value) == f"{file}: it is not text"


def test_a_token_is_not_shown_by_accident() -> None:
    assert "s3cret" not in repr(AdminToken("s3cret", "here"))
