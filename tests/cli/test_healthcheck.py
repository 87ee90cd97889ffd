import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.cli.running import outrider

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(answers)` answers `/readyz`, or what is named, with each in turn, the last for ever; gives the address."""
    servers: list[HTTPServer] = []

    def start(answers: list[tuple[int, bytes]], path: str = "/readyz") -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = (answers.pop(0) if len(answers) > 1 else answers[0]) if self.path == path else (404, b"")
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_ready_daemon_is_exit_code_0_and_one_line(serve: Serve) -> None:
    done = outrider("healthcheck", "--url", "http://" + serve([(200, b"ready\n")]))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ready\n", "")


def test_a_daemon_that_is_not_ready_is_exit_code_1_with_its_reason(serve: Serve) -> None:
    done = outrider("healthcheck", OUTRIDER_ADMIN=serve([(503, b"not ready: draining\n")]))
    assert (done.returncode, done.stdout) == (1, "not ready: draining\n")


def test_a_daemon_that_has_not_started_is_exit_code_1_for_who_asks_that(serve: Serve) -> None:
    done = outrider("healthcheck", "--started", "--url", "http://" + serve([(503, b"starting\n")], "/startupz"))
    assert (done.returncode, done.stdout) == (1, "starting\n")


def test_no_daemon_is_exit_code_1_and_one_line() -> None:
    done = outrider("healthcheck", "--url", "127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "outrider: no daemon at 127.0.0.1:1: connection refused\n"


def test_a_wrong_url_is_wrong_usage() -> None:
    assert outrider("healthcheck", "--url", "nonsense").returncode == 2


def test_the_address_can_come_from_a_file(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "outrider.yaml"
    file.write_text(
        f"admin: {{listen: '{serve([(200, b'ready')])}'}}\nupstreams: {{api: {{url: http://127.0.0.1:9}}}}\n"
    )
    assert outrider("healthcheck", "-c", str(file)).returncode == 0


def test_a_file_without_an_admin_listener_is_a_wrong_configuration(tmp_path: Path) -> None:
    file = tmp_path / "outrider.yaml"
    file.write_text('admin: {listen: "off"}\nupstreams: {api: {url: http://127.0.0.1:9}}\n')
    done = outrider("healthcheck", "-c", str(file))
    assert done.returncode == 78
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_cannot_be_read_is_a_wrong_configuration(tmp_path: Path) -> None:
    file = tmp_path / "outrider.yaml"
    file.write_text("admin: {listen: [\n")
    done = outrider("healthcheck", "-c", str(file))
    assert done.returncode == 78
    assert f"{file}:" in done.stderr


def test_a_file_that_is_wrong_elsewhere_still_says_where_to_ask(tmp_path: Path, serve: Serve) -> None:
    file = tmp_path / "outrider.yaml"
    file.write_text(f"admin: {{listen: {serve([(200, b'ready')])}}}\nupstream: {{}}\n")
    assert outrider("healthcheck", "-c", str(file)).stdout == "ready\n"


def test_the_file_in_the_folder_is_found_without_being_named(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outrider.yaml").write_text(f"admin: {{listen: {serve([(200, b'ready')])}}}\n")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    monkeypatch.chdir(tmp_path)
    assert outrider("healthcheck").stdout == "ready\n"


@pytest.mark.parametrize(("listen", "said"), [("off", "turns the admin listener off"), ("[9]", "is no address")])
def test_a_listener_that_cannot_be_asked_is_a_wrong_configuration(tmp_path: Path, listen: str, said: str) -> None:
    file = tmp_path / "outrider.yaml"
    file.write_text(f"admin: {{listen: {listen}}}\n")
    done = outrider("healthcheck", "-c", str(file))
    assert done.returncode == 78
    assert said in done.stderr


def test_wait_ends_when_the_daemon_becomes_ready(serve: Serve) -> None:
    address = serve([(503, b"not ready: starting"), (503, b"not ready: starting"), (200, b"ready")])
    done = outrider("wait", "--url", address, "--timeout", "30s")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ready\n", "")


def test_wait_gives_up_after_its_timeout_and_says_why(serve: Serve) -> None:
    address = serve([(503, b"not ready: starting")])
    done = outrider("wait", "--url", address, "--timeout", "250ms")
    assert done.returncode == 1
    assert done.stderr == f"outrider: {address} was not ready in 0.25 s: not ready: starting\n"


def test_wait_keeps_on_while_nothing_listens() -> None:
    done = outrider("wait", "--url", "127.0.0.1:1", "--timeout", "250ms")
    assert (done.returncode, done.stderr) == (1, "outrider: 127.0.0.1:1 was not ready in 0.25 s: connection refused\n")
