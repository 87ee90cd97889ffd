from pathlib import Path

import pytest

from proxy.cli import main

FINE = """
auth: {token: {type: bearer, token: {env: API_TOKEN}}}
upstreams: {api: {url: http://127.0.0.1:9000, auth: token, match: {prefix: /api}}}
"""

FIVE_MISTAKES = """\
listen: 8080
auth:
  token: {type: berer, token: kanarie}
upstreams:
  api: {url: localhost, auth: tokn, timeout: {connect: 5}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outrider.yaml"


def check(path: Path, text: str, *words: str) -> int:
    path.write_text(text)
    return main(["check", "-c", str(path), *words])


def test_a_right_file_is_one_line_and_status_0(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(path, FINE) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{path}: valid: 1 upstream, 1 profile, listens on 127.0.0.1:8080, admin on 127.0.0.1:9901\n"
    assert shown.err == ""


def test_five_mistakes_are_five_lines_and_status_78(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(path, FIVE_MISTAKES) == 78
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert [line.removeprefix(f"{path}:").partition(": ")[0] for line in lines] == [
        "1:9",
        "3:17",
        "5:14",
        "5:31",
        "5:56",
    ]
    assert "kanarie" not in shown.err


def test_a_warning_is_shown_and_does_not_fail(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(path, FINE.replace("auth: token, ", "")) == 0
    shown = capsys.readouterr()
    assert "warning: no upstream and no route uses the profile" in shown.err
    assert ": valid: " in shown.out


def test_a_file_that_is_not_there_is_a_wrong_configuration(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-c", str(path)]) == 78
    assert capsys.readouterr().err.startswith(f"{path}: the file cannot be read: No such file")


def test_the_environment_names_the_file(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(FINE)
    monkeypatch.setenv("OUTRIDER_CONFIG", str(path))
    assert main(["check"]) == 0
    assert str(path) in capsys.readouterr().out


def test_an_explanation_comes_instead_of_the_summary(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(path, FINE, "--explain", "GET", "http://localhost:8080/api/x") == 0
    shown = capsys.readouterr().out
    assert "valid" not in shown
    assert "GET http://127.0.0.1:9000/x" in shown


def test_a_refused_request_is_status_1(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(path, FINE, "--explain", "GET", "/elsewhere") == 1
    assert "404 route_not_found" in capsys.readouterr().out


def test_a_url_that_no_caller_could_use_is_wrong_usage(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(path, FINE, "--explain", "GET", "ftp://x") == 2
    assert "such as http://localhost:8080/path or /path" in capsys.readouterr().err


def test_a_wrong_file_is_not_explained(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(path, FIVE_MISTAKES, "--explain", "GET", "/api") == 78
    assert capsys.readouterr().out == ""
