import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.running import command, environment, outrider
from tests.cli.test_run import file, upstream  # noqa: F401 - fixtures

CANARY = "canary-of-exec"
ASK = (
    "import os, sys, urllib.request as r; "
    "print(r.urlopen(os.environ['OUTRIDER_URL_API'] + '/x').read().decode(), os.environ.get('API_TOKEN'))"
)


def test_a_command_reaches_the_upstream_with_the_credential_that_it_cannot_see(file: Path) -> None:  # noqa: F811
    done = outrider("exec", "-c", str(file), "--", sys.executable, "-c", ASK, API_TOKEN=CANARY)
    assert (done.returncode, done.stdout) == (0, f"Bearer {CANARY} None\n"), done.stderr
    assert done.stderr == ""


def test_the_command_has_the_input_and_no_signal_is_ignored_in_it(file: Path, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "input").write_text("said\n")
    words = ["exec", "-c", str(file), "--", "sh", "-c", "cat; grep -E 'Sig(Blk|Ign)' /proc/self/status"]
    with (tmp_path / "input").open() as given:
        done = subprocess.run(
            command(*words), stdin=given, capture_output=True, text=True, timeout=60,
            env=environment(API_TOKEN=CANARY), check=False,
        )  # fmt: skip
    said, *masks = done.stdout.splitlines()
    assert said == "said"
    # Those from 32 on belong to the C library, and some interpreters leave its own ignored.
    assert [int(mask.split()[1], 16) & 0x7FFFFFFF for mask in masks] == [0, 0]


def test_no_file_is_needed(upstream: str) -> None:  # noqa: F811
    words = ("--upstream", upstream, "--bearer-env", "API_TOKEN", "--", sys.executable, "-c", ASK)
    done = outrider("exec", *words, API_TOKEN=CANARY)
    assert (done.returncode, done.stdout) == (0, f"Bearer {CANARY} None\n"), done.stderr


def test_the_status_is_the_commands(file: Path) -> None:  # noqa: F811
    assert outrider("exec", "-c", str(file), "--", "sh", "-c", "exit 7", API_TOKEN=CANARY).returncode == 7
    assert outrider("exec", "-c", str(file), "--", "sh", "-c", "kill -9 $$", API_TOKEN=CANARY).returncode == 137


def test_a_command_that_is_not_there_is_127(file: Path) -> None:  # noqa: F811
    done = outrider("exec", "-c", str(file), "--", "no-such-command", API_TOKEN=CANARY)
    assert (done.returncode, done.stderr) == (127, "outrider exec: no-such-command: command not found\n")


def test_a_credential_that_does_not_come_is_an_error_that_names_it(file: Path) -> None:  # noqa: F811
    done = outrider("exec", "-c", str(file), "--ready-timeout", "100ms", "--", "echo", "ran")
    assert done.returncode == 1
    assert "not ready after 0.1 s: profile key: " in done.stderr
    assert done.stdout == ""


def test_a_credential_that_takes_longer_than_the_command_would_wait_is_not_waited_for(tmp_path: Path) -> None:
    slow = tmp_path / "outrider.yaml"
    slow.write_text(
        "auth: {slow: {type: exec, command: [sleep, '60'], timeout: 60s}}\n"
        "upstreams: {api: {url: 'http://127.0.0.1:9', auth: slow}}\n"
    )
    began = time.monotonic()
    done = outrider("exec", "-c", str(slow), "--ready-timeout", "100ms", "--", "echo", "ran")
    assert (done.returncode, done.stdout) == (1, "")
    assert "not ready after 0.1 s: starting; profile slow: its credential is still awaited\n" in done.stderr
    assert time.monotonic() - began < 45


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_start_ends_what_was_begun_and_is_told(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "outrider.yaml").write_text(
        "auth: {slow: {type: exec, command: [sh, -c, 'echo $$ > new && mv new pid && exec sleep 60'], timeout: 60s}}\n"
        "upstreams: {api: {url: 'http://127.0.0.1:9', auth: slow}}\n"
    )
    words = command("exec", "-c", str(tmp_path / "outrider.yaml"), "--", "echo", "ran")
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:  # fmt: skip
        give_up = time.monotonic() + 60
        while not (tmp_path / "pid").exists() and time.monotonic() < give_up:
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (128 + number, "")
    assert err.splitlines()[-1] == f"outrider exec: ended by {number.name} before the command was run"
    assert "internal error" not in err
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--", "true"], 78), (["--upstream", "nonsense", "--", "true"], 78), (["--upstream", "http://h"], 2)],
)
def test_what_cannot_be_run_is_told_apart(words: list[str], code: int, tmp_path: Path) -> None:
    done = outrider("exec", *words, cwd=tmp_path)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_closed_standard_streams_are_given_to_no_connection() -> None:
    words = command("exec", "--upstream", "http://127.0.0.1:1", "--", "sh", "-c", "exit 7")
    closing = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *words]
    assert subprocess.run(closing, env=environment(), timeout=60).returncode == 7


SLOPPY = f"""
import asyncio, threading

class Sloppy:
    def on_request(self, request):
        def fails(): raise ValueError("of-a-thread " + "{CANARY}"[:99])
        async def fails_too(): fails()
        asyncio.get_running_loop().create_task(fails_too())
        threading.Thread(target=fails).start()
"""


def test_what_nobody_caught_is_told_without_its_message(tmp_path: Path, upstream: str) -> None:  # noqa: F811
    (tmp_path / "sloppy.py").write_text(SLOPPY)
    config = tmp_path / "outrider.yaml"
    config.write_text(
        "log: {format: json}\n"
        "interceptors: {a: {class: 'sloppy:Sloppy'}}\n"
        f"upstreams: {{api: {{url: '{upstream}', interceptors: [a]}}}}\n"
    )
    done = outrider("exec", "-c", str(config), "--", sys.executable, "-c", ASK)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count('"exception.type": "ValueError"') == 2, done.stderr
    assert "of-a-thread canary" not in done.stderr
