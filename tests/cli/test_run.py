import http.client
import json
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.running import command, environment, outrider
from tests.peers.saying_api import saying

CANARY = "canary-in-the-environment"

UNASKED = {
    *("cryptography", "joserfc", "jmespath", "opentelemetry", "rich", "multiprocessing", "html.parser", "sqlite3"),
    *("proxy.auth.exec_token", "proxy.auth.login_source", "proxy.auth.oauth2", "proxy.config.schema", "proxy.demo"),
    *("proxy.intercept", "proxy.policy.answers", "proxy.policy.login_answer", "proxy.policy.sigv4"),
    *("proxy.stages.coalesce", "proxy.stages.hedge", "proxy.stages.normalize", "proxy.stages.tracing"),
}
"""What a plain configuration has no use for, and what would make its start longer."""


class Running:
    """`outrider run` as a process; `line` is its start message."""

    def __init__(self, *words: str, **variables: str) -> None:
        self.process = subprocess.Popen(
            command("run", *words),
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(**({"OUTRIDER_LOG_FORMAT": "text"} | variables)),
        )
        self.before: list[str] = []
        self.line = ""
        watchdog = threading.Timer(30, self.process.kill)
        watchdog.start()
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if "listening on" in line:
                self.line = line
                break
            self.before.append(line)
        watchdog.cancel()
        found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", self.line)
        if found is None:
            # Nobody else would end it.
            self.process.kill()
        assert found, self.before
        self.port = int(found[1])

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        connection.request("GET", path)
        response = connection.getresponse()
        try:
            return response.status, response.read()
        finally:
            connection.close()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Exit code, and what else it wrote."""
        self.process.send_signal(number)
        out, errors = self.process.communicate(timeout=30)
        return self.process.returncode, out + errors


@pytest.fixture
def run() -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(*words: str, **variables: str) -> Running:
        started.append(Running(*words, **variables))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
        running.process.communicate(timeout=30)


@pytest.fixture
def upstream() -> Iterator[str]:
    """An API that answers with the credential that it was sent."""
    with saying(lambda request: request.headers.get("Authorization") or "none") as url:
        yield url


@pytest.fixture
def file(tmp_path: Path, upstream: str) -> Path:
    path = tmp_path / "outrider.yaml"
    path.write_text(
        "listen: 127.0.0.1:0\nadmin: {listen: '127.0.0.1:0'}\n"
        "auth: {key: {type: bearer, token: {env: API_TOKEN}}}\n"
        f"upstreams: {{api: {{url: '{upstream}', auth: key}}}}\n"
    )
    return path


def test_a_file_is_run_and_the_credential_is_in_place(run, file: Path) -> None:
    running = run("-c", str(file), API_TOKEN=CANARY)
    assert running.get("/x") == (200, f"Bearer {CANARY}".encode())
    code, rest = running.stop()
    assert code == 0
    assert "stopped" in rest
    assert CANARY not in running.line + rest


def test_flags_alone_are_enough(run, upstream: str) -> None:
    running = run(
        "--upstream", upstream, "--bearer-env", "KEY", "--listen", "127.0.0.1:0", "--admin", "off", KEY=CANARY
    )
    assert running.get("/x") == (200, f"Bearer {CANARY}".encode())
    assert f"→ api {upstream} (auth: bearer), admin off" in running.line
    assert running.stop(signal.SIGINT)[0] == 0


def test_a_plain_start_imports_nothing_that_its_configuration_does_not_ask_for(run, upstream: str) -> None:
    flags = ("--upstream", upstream, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    running = run(*flags, PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rpartition("|")[2].strip() for line in running.before if line.startswith("import time:")}
    assert "proxy.daemon" in imported
    assert [name for name in sorted(imported) if name in UNASKED or name.partition(".")[0] in UNASKED] == []


def test_the_file_may_be_named_by_the_environment(run, file: Path) -> None:
    assert run(OUTRIDER_CONFIG=str(file), API_TOKEN=CANARY).get("/x")[0] == 200


def test_the_environment_wins_over_the_file_and_a_flag_over_both(run, file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = f"127.0.0.1:{taken.getsockname()[1]}"
        done = outrider("run", "-c", str(file), API_TOKEN=CANARY, OUTRIDER_LISTEN=busy)
        assert (done.returncode, busy in done.stderr) == (1, True)
        running = run("-c", str(file), "--listen", "127.0.0.1:0", API_TOKEN=CANARY, OUTRIDER_LISTEN=busy)
    assert running.get("/x")[0] == 200


def test_the_log_is_json_where_that_is_asked_for(run, file: Path) -> None:
    running = run("-c", str(file), API_TOKEN=CANARY, OUTRIDER_LOG_FORMAT="json")
    line = json.loads(running.line)
    assert (line["event.name"], line["severity_text"]) == ("daemon.started", "INFO")


def test_a_port_in_use_is_exit_code_1_and_one_line(file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = outrider("run", "-c", str(file), "--listen", address, API_TOKEN=CANARY)
    assert done.returncode == 1
    assert done.stderr == f"outrider: cannot listen on {address}: address already in use\n"


def test_a_wrong_file_is_exit_code_78_and_a_line_for_each_mistake(tmp_path: Path) -> None:
    file = tmp_path / "outrider.yaml"
    file.write_text("listne: 127.0.0.1:0\nupstreams:\n  api: {url: ftp://x, auth: nobody}\n")
    done = outrider("run", "-c", str(file))
    assert done.returncode == 78
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{file}:") for line in lines)


@pytest.mark.parametrize(
    "words",
    [
        ["-c", "no-such-file.yaml"],
        [],
        ["--upstream", "nonsense"],
        ["--upstream", "http://127.0.0.1:9", "--listen", "nonsense"],
        ["--upstream", "http://127.0.0.1:9", "--listen", "0.0.0.0:8080"],
    ],
)
def test_a_wrong_configuration_is_exit_code_78_without_a_traceback(words: list[str], tmp_path: Path) -> None:
    done = outrider("run", *words, cwd=tmp_path)
    assert done.returncode == 78
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["-c", "x.yaml", "--upstream", "http://127.0.0.1:9"],
        ["-c", "x.yaml", "--bearer-env", "KEY"],
        ["--max-drain", "soon"],
        ["--upstream", "http://127.0.0.1:9", "--watch"],
    ],
)
def test_flags_that_do_not_go_together_are_wrong_usage(words: list[str]) -> None:
    done = outrider("run", *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_an_unverified_upstream_is_warned_about_at_every_start(run, tmp_path: Path) -> None:
    file = tmp_path / "outrider.yaml"
    file.write_text(
        "listen: 127.0.0.1:0\nadmin: {listen: 'off'}\n"
        "upstreams: {odd: {url: 'https://127.0.0.1:9', tls: {verify: false}}}\n"
    )
    running = run("-c", str(file))
    assert [("warning" in line, "odd" in line) for line in running.before] == [(True, True)]


def test_healthcheck_and_wait_find_the_daemon(run, file: Path) -> None:
    running = run("-c", str(file), API_TOKEN=CANARY)
    admin = re.search(r"admin (http://\S+)", running.line)
    assert admin
    assert outrider("healthcheck", "--url", admin[1]).returncode == 0
    assert outrider("wait", OUTRIDER_ADMIN=admin[1]).returncode == 0
    running.stop()
    assert outrider("healthcheck", "--url", admin[1]).returncode == 1


def test_who_asks_whether_it_turns_is_not_told_whether_it_is_ready(run, file: Path) -> None:
    running = run("-c", str(file))
    admin = running.line.rpartition("admin ")[2].split()[0]
    done = outrider("healthcheck", "--live", "--url", admin)
    assert (done.returncode, done.stdout) == (0, "live\n"), done.stderr
    assert outrider("healthcheck", "--url", admin).returncode == 1


def test_who_asks_whether_it_has_started_is_not_told_of_a_credential_that_is_missing(run, file: Path) -> None:
    running = run("-c", str(file))
    admin = running.line.rpartition("admin ")[2].split()[0]
    done = outrider("healthcheck", "--started", "--url", admin)
    assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr


def test_a_daemon_that_hangs_does_not_turn(run, file: Path) -> None:
    running = run("-c", str(file))
    admin = running.line.rpartition("admin ")[2].split()[0]
    running.process.send_signal(signal.SIGSTOP)
    hung = outrider("healthcheck", "--live", "--url", admin)
    assert (hung.returncode, hung.stderr) == (1, f"outrider: no daemon at {admin}: no answer in time\n")
