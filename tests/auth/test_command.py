import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.auth.command import OUTPUT_CAP, Command, run
from proxy.auth.secret_rules import SecretUnavailable
from tests.auth.tools import python

Make = Callable[..., Command]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def command(code: str, timeout: float = 20.0, environ: dict[str, str] | None = None) -> Command:
        return Command(python(code), tmp_path, environ or {}, timeout)

    return command


def group_member_left(pid_file: Path) -> bool:
    """Whether the process whose id the command wrote still runs (a zombie does not)."""
    try:
        status = Path(f"/proc/{pid_file.read_text()}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


CHILD_THAT_STAYS = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-I", "-c", "import time; time.sleep(60)"])
open("pid.new", "w").write(str(child.pid))
import os; os.rename("pid.new", "pid")
"""


async def test_standard_output_is_the_result(make: Make) -> None:
    assert await run(make("print('token')")) == b"token\n"


async def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    command = Command([*python("import sys; print(sys.argv[1])"), "$HOME; `id`"], tmp_path, {"HOME": "/h"}, 20)
    assert await run(command) == b"$HOME; `id`\n"


async def test_the_environment_is_the_given_one_alone(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTER", "seen")
    command = make("import os; print(os.environ.get('OUTER'), os.environ['INNER'])", environ={"INNER": "here"})
    assert await run(command) == b"None here\n"


async def test_it_runs_in_the_configurations_folder(make: Make, tmp_path: Path) -> None:
    assert (await run(make("import os; print(os.getcwd())"))).decode().strip() == str(tmp_path.resolve())


async def test_it_cannot_wait_for_input(make: Make) -> None:
    assert await run(make("import sys; print(repr(sys.stdin.read()))")) == b"''\n"


async def test_another_exit_code_is_an_error_with_what_it_said(make: Make) -> None:
    with pytest.raises(SecretUnavailable, match="exited with 3") as caught:
        await run(
            make("import sys; print('s3cret'); sys.stderr.write('not\\nlogged in\\x1b' + 'x' * 900); sys.exit(3)")
        )
    assert caught.value.said == ("not logged in" + "x" * 900)[:200]
    assert "s3cret" not in str(caught.value)
    assert "logged in" not in caught.value.detail


async def test_a_command_ended_by_a_signal_is_an_error(make: Make) -> None:
    with pytest.raises(SecretUnavailable, match="ended by signal 9"):
        await run(make("import os; os.kill(os.getpid(), 9)"))


async def test_output_at_the_cap_is_whole(make: Make) -> None:
    assert len(await run(make(f"import sys; sys.stdout.write('x' * {OUTPUT_CAP})"))) == OUTPUT_CAP


async def test_output_past_the_cap_ends_the_command(make: Make) -> None:
    with pytest.raises(SecretUnavailable, match="more than 65536 bytes"):
        await run(make("while True: print('x' * 4096)"))


async def test_a_long_standard_error_does_not_block(make: Make) -> None:
    assert await run(make("import sys; sys.stderr.write('e' * 1_000_000); print('token')")) == b"token\n"


@pytest.mark.parametrize("argv", [["/nowhere/tool"], ["no-such-tool"], ["."]])
async def test_a_command_that_cannot_be_started_is_an_error(tmp_path: Path, argv: list[str]) -> None:
    with pytest.raises(SecretUnavailable, match="cannot be started"):
        await run(Command(argv, tmp_path, {}, 20))


async def test_arguments_are_not_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable) as caught:
        await run(Command(["no-such-tool", "--password=s3cret"], tmp_path, {}, 20))
    assert "s3cret" not in str(caught.value)


async def test_past_the_timeout_the_whole_process_group_is_ended(make: Make, tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable, match="took longer than 2 s"):
        await run(make(CHILD_THAT_STAYS + "time.sleep(60)", timeout=2.0))
    assert (tmp_path / "pid").exists()
    await until(lambda: not group_member_left(tmp_path / "pid"))


async def test_a_cancelled_run_leaves_no_process(make: Make, tmp_path: Path) -> None:
    task = asyncio.create_task(run(make(CHILD_THAT_STAYS + "time.sleep(60)")))
    await until((tmp_path / "pid").exists)
    assert group_member_left(tmp_path / "pid")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (tmp_path / "pid").exists()
    await until(lambda: not group_member_left(tmp_path / "pid"))


async def test_the_command_is_not_in_our_process_group(make: Make) -> None:
    assert int(await run(make("import os; print(os.getpgid(0))"))) != os.getpgid(0)
