from pathlib import Path

import pytest

from proxy.cli.admin_address import admin_address

DEFAULT = "127.0.0.1:8180"


def found(base: Path, text: str, **environ: str) -> str | None:
    file = base / "outrider.yaml"
    file.write_text(text)
    return admin_address(file, DEFAULT, environ)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("upstreams: {}", DEFAULT),
        ("admin: {}", DEFAULT),
        ("admin:", DEFAULT),
        ("admin: {listen: 127.0.0.1:9000}", "127.0.0.1:9000"),
        ("admin: {listen: [unix:/run/a, 127.0.0.1:9000]}", "unix:/run/a"),
        ("admin: {listen: '127.0.0.1:${PORT}'}", "127.0.0.1:7000"),
    ],
)
def test_it_is_the_files_first_or_the_default(tmp_path: Path, text: str, address: str) -> None:
    assert found(tmp_path, text, PORT="7000") == address


def test_mistakes_elsewhere_in_the_file_do_not_matter(tmp_path: Path) -> None:
    text = "admin: {listen: 127.0.0.1:9000}\nupstreams: {api: {url: 7, what: is this}}\nlisten: '${NOT_SET}'"
    assert found(tmp_path, text) == "127.0.0.1:9000"


@pytest.mark.parametrize("off", ["off", "'off'", "['off']", "false"])
def test_a_listener_that_is_turned_off_has_none_and_the_user_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], off: str
) -> None:
    assert found(tmp_path, f"admin: {{listen: {off}}}") is None
    assert "turns the admin listener off" in capsys.readouterr().err


@pytest.mark.parametrize("listen", ["7", "{}", "[]", "[[]]", "null"])
def test_what_is_no_address_is_told_and_where_to_learn_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], listen: str
) -> None:
    assert found(tmp_path, f"admin: {{listen: {listen}}}") is None
    assert f"admin.listen is no address; `outrider check -c {tmp_path}/outrider.yaml`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"), [("admin: {listen: [", "outrider.yaml:1:"), ("- a\n", "outrider.yaml:1:"), ("", "is empty")]
)
def test_a_file_that_is_no_document_is_told_at_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    assert found(tmp_path, text) is None
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert admin_address(tmp_path / "no.yaml", DEFAULT, {}) is None
    assert "cannot be read" in capsys.readouterr().err
