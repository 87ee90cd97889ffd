from argparse import Namespace
from pathlib import Path

import pytest

from proxy.cli.address import address


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a configuration, nothing in the environment, and none in this machine's own place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("proxy.config.find.FALLBACKS", (Path("outrider.yaml"), tmp_path / "etc/outrider.yaml"))
    for name in ("OUTRIDER_ADMIN", "OUTRIDER_ADMIN_LISTEN", "OUTRIDER_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def found(url: str | None = None, config: Path | None = None) -> str | None:
    return address(Namespace(url=url, config=None if config is None else str(config)))


def write(base: Path, port: int, name: str = "outrider.yaml") -> Path:
    file = base / name
    file.write_text(f"admin: {{listen: 127.0.0.1:{port}}}")
    return file


def test_the_flag_goes_before_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTRIDER_ADMIN", "http://127.0.0.1:2")
    file = tmp_path / "outrider.yaml"
    file.write_text("not: [even read")
    assert found("http://127.0.0.1:1", file) == "http://127.0.0.1:1"


def test_the_environment_goes_before_a_file_that_is_only_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 3)
    monkeypatch.setenv("OUTRIDER_ADMIN", "http://127.0.0.1:2")
    assert found() == "http://127.0.0.1:2"


def test_a_file_that_is_there_is_read_where_nothing_else_says_it(tmp_path: Path) -> None:
    write(tmp_path, 3)
    assert found() == "127.0.0.1:3"
    assert found(config=write(tmp_path, 4, "other.yaml")) == "127.0.0.1:4"


def test_without_any_word_it_is_the_usual_one() -> None:
    assert found() == "127.0.0.1:9901"


def test_a_listener_that_the_environment_turns_off_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTRIDER_ADMIN_LISTEN", "off")
    assert found() is None
    assert "OUTRIDER_ADMIN_LISTEN turns the admin listener off" in capsys.readouterr().err


def test_a_file_that_is_no_help_ends_the_search(tmp_path: Path) -> None:
    file = write(tmp_path, 3)
    file.write_text("admin: {listen: off}")
    assert found() is None
