"""What the README has a newcomer type, word for word, but for the API's address, which is one of this machine here.

The lines of the other ways to install are run where their machinery is: systemd, containers and Kubernetes in
`tests/deploy`, the two commands for newcomers and pip's line by `.ci/run`.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import environment
from tests.peers.saying_api import saying
from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
START = README.split("\n## Start\n")[1].split("\n## ")[0]
API = "https://api.example.com/v1"
TOKEN = "canary-of-the-readme"
SAID = f"/v1/orders/7 Bearer {TOKEN}"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def block(kind: str, text: str) -> str:
    return text.split(f"```{kind}\n")[1].split("```")[0]


@pytest.fixture
def api() -> Iterator[str]:
    """An API that says what it was asked, and by whom."""
    with saying(lambda request: f"{request.path} {request.headers.get('Authorization')}") as url:
        yield f"{url}/v1"


class Shell:
    """A shell in a folder of its own, which finds `outrider`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "bin" / "outrider"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m proxy "$@"\n')
        program.chmod(0o700)
        path = f"{program.parent}:{os.environ['PATH']}"
        self.environment = environment(PATH=path, PYTHONPATH=str(ROOT), OUTRIDER_ADMIN_LISTEN="off")

    def begin(self, line: str, **variables: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["sh", "-c", line],
            cwd=self.folder,
            env=self.environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # So that the shell ends with what it has started.
            start_new_session=True,
        )

    def run(self, line: str, **variables: str) -> str:
        out, errors = self.begin(line, **variables).communicate(timeout=60)
        return out or errors

    def until_answered(self, line: str) -> str:
        end = time.monotonic() + 30
        while SAID not in (answer := self.run(line)) and time.monotonic() < end:
            time.sleep(0.1)
        return answer


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def ended(process: "subprocess.Popen[str]") -> None:
    os.killpg(process.pid, 9)
    process.communicate(timeout=30)


def test_the_first_file_is_run_and_called_as_the_readme_says(shell: Shell, api: str) -> None:
    port = free_port()
    text = block("yaml", START)
    assert API in text
    (shell.folder / "outrider.yaml").write_text(text.replace(API, api).replace(":8080", f":{port}"))
    start, call = block("sh", START).splitlines()
    running = shell.begin(start.replace("…", TOKEN))
    try:
        answer = shell.until_answered(call.replace(":8080", f":{port}").partition("#")[0])
    finally:
        ended(running)
    assert answer.startswith("HTTP/1.1 200 ")
    assert SAID in answer
    (explain,) = re.findall(r"`(outrider check --explain [^`]+)`", START.replace("\n", " "))
    assert "/v1/orders/7" in shell.run(explain.replace(":8080", f":{port}"))


def test_no_file_is_needed_as_the_readme_says(shell: Shell, api: str) -> None:
    (line,) = re.findall(r"`(outrider run --upstream [^`]+)`", START)
    port = free_port()
    running = shell.begin(line.replace(API, api), API_TOKEN=TOKEN, OUTRIDER_LISTEN=f"127.0.0.1:{port}")
    try:
        assert SAID in shell.until_answered(f"curl -s http://127.0.0.1:{port}/orders/7")
    finally:
        ended(running)


def test_a_command_from_a_shell_finds_the_api_as_the_readme_says(shell: Shell, api: str) -> None:
    line = block("sh", README.split("\n### From a shell\n")[1])
    assert API in line
    assert shell.run(line.replace(API, api).replace("'curl ", "'curl -s "), API_TOKEN=TOKEN) == SAID
