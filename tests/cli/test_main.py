import subprocess
import sys

import pytest

from proxy import __version__
from proxy.cli import COMMANDS, main
from tests.cli.running import environment, outrider


def test_without_a_command_the_help_is_shown_and_the_usage_is_wrong() -> None:
    done = outrider()
    assert (done.returncode, done.stdout) == (2, "")
    assert "commands:" in done.stderr


@pytest.mark.parametrize("words", [["fly"], ["--fly"], ["version", "--fly"], ["wait", "--timeout", "soon"]])
def test_wrong_usage_is_exit_code_2_and_no_traceback(words: list[str]) -> None:
    done = outrider(*words)
    assert done.returncode == 2
    assert "usage: outrider" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(command.name in shown and command.summary in shown for command in COMMANDS)
    assert "exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration" in shown


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_help_of_a_command_has_examples(command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command.name, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(example in shown for example in command.examples)
    assert command.codes in shown


def test_the_version_is_a_flag_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"outrider {__version__}\n"


@pytest.mark.parametrize("command", ["version", "healthcheck"])
def test_the_commands_that_start_often_import_nothing_heavy(command: str) -> None:
    heavy = {"aiohttp", "pydantic", "yaml", "rich", "asyncio", "prometheus_client", "uvloop"}
    assert imported_by(command) & heavy == set()


def imported_by(command: str) -> set[str]:
    code = f"import sys; from proxy.cli import main; main(['{command}']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(OUTRIDER_ADMIN="127.0.0.1:1"),
        check=True,
    )
    return {name.partition(".")[0] for name in done.stderr.split()}


def test_an_interrupt_ends_a_command_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    from proxy.cli import version

    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(version, "run", interrupted)
    assert main(["version"]) == 1


def test_a_defect_of_a_command_is_shown_without_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from proxy.cli import version

    def broken(_: object) -> int:
        raise ValueError("a-" + "canary")

    monkeypatch.setattr(version, "run", broken)
    assert main(["version"]) == 1
    shown = capsys.readouterr()
    assert "please report it" in shown.err
    assert "in broken: " in shown.err
    assert "a-canary" not in shown.err + shown.out
