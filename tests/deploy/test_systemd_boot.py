"""The units on a real systemd: start, credential, reload, watchdog, a wrong file, socket activation, stop."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.machine import Machine, booted_machine, machine_missing, readme_lines

UPSTREAM = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        body = (self.headers.get("Authorization") or "none").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
HTTPServer(("127.0.0.1", 9000), Echo).serve_forever()
"""
ASK = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/x', timeout=20).read().decode())"
FILE = """
state: {dir: /var/lib/outrider}
auth: {key: {type: bearer, token: {credential: api-token}}}
upstreams: {api: {url: "http://127.0.0.1:9000", auth: key}}
"""
OTHER = """
listen: 127.0.0.1:8081
admin: {listen: 127.0.0.1:9902}
state: {dir: /var/lib/outrider-other}
upstreams: {api: {url: "http://127.0.0.1:9000"}}
"""
SECRET = "canary-credential"
UNIT = "outrider.service"

# One machine for all, and the time to make it.
pytestmark = [pytest.mark.xdist_group("machine"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if reason := machine_missing():
        pytest.skip(reason)
    with booted_machine(tmp_path_factory.mktemp("machine")) as booted:
        etc = booted.root / "etc"
        copied = booted.run("sh", "-c", f"cd /src && {readme_lines()[1]}")
        assert copied.returncode == 0, copied.stderr
        (etc / "outrider" / "credentials").mkdir(parents=True)
        secret = etc / "outrider" / "credentials" / "api-token"
        secret.write_text(SECRET + "\n")
        secret.chmod(0o600)
        _drop_in(etc, "credential", "LoadCredential=api-token:/etc/outrider/credentials/api-token")
        upstream = booted.begin("python3", "-c", UPSTREAM)
        yield booted
        upstream.kill()
        upstream.wait(20)


def _drop_in(etc: Path, name: str, *lines: str) -> None:
    folder = etc / "systemd" / "system" / f"{UNIT}.d"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.conf").write_text("\n".join(["[Service]", *lines, ""]))


@pytest.fixture
def service(machine: Machine) -> Iterator[Machine]:
    """The service, started with `FILE`."""
    (machine.root / "etc/outrider/outrider.yaml").write_text(FILE)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "reset-failed", UNIT)
    started = machine.run("systemctl", "start", UNIT)
    assert started.returncode == 0, started.stderr + machine.journal(UNIT)
    yield machine
    machine.run("systemctl", "stop", "outrider.socket", UNIT)


def test_the_readmes_own_line_enables_and_starts_it(service: Machine) -> None:
    service.run("systemctl", "stop", UNIT)
    assert service.run("sh", "-c", readme_lines()[2]).returncode == 0
    assert service.run("systemctl", "is-enabled", UNIT).stdout == "enabled\n"
    assert service.run("/opt/outrider/bin/outrider", "wait").stdout == "ready\n"


def test_one_of_several_has_a_file_and_a_state_of_its_own(service: Machine) -> None:
    (service.root / "etc/outrider/other.yaml").write_text(OTHER)
    started = service.run("systemctl", "start", "outrider@other")
    assert started.returncode == 0, started.stderr + service.journal("outrider@other")
    try:
        assert service.run("/opt/outrider/bin/outrider", "wait", "--url", "127.0.0.1:9902").stdout == "ready\n"
        assert service.run("python3", "-c", ASK.replace("8080", "8081")).stdout == "none\n"
        assert service.run("python3", "-c", ASK).stdout == f"Bearer {SECRET}\n"
        assert service.run("test", "-d", "/var/lib/outrider-other/").returncode == 0
    finally:
        service.run("systemctl", "stop", "outrider@other")


def test_a_started_service_is_ready_and_sends_its_credential(service: Machine) -> None:
    assert service.run("/opt/outrider/bin/outrider", "healthcheck").stdout == "ready\n"
    assert service.run("python3", "-c", ASK).stdout == f"Bearer {SECRET}\n"
    assert service.property_of(UNIT, "StatusText").startswith("http://127.0.0.1:8080 → api")
    assert SECRET not in service.journal(UNIT)


def test_it_runs_as_a_user_of_its_own_that_the_machine_does_not_know_otherwise(service: Machine) -> None:
    pid = service.property_of(UNIT, "MainPID")
    uid = int(service.run("stat", "-c", "%u", f"/proc/{pid}/task").stdout)
    status = service.run("cat", f"/proc/{pid}/status").stdout
    assert 61184 <= uid <= 65519
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


def test_systemctl_reload_takes_another_file_and_keeps_the_process(service: Machine) -> None:
    pid = service.property_of(UNIT, "MainPID")
    (service.root / "etc/outrider/outrider.yaml").write_text(FILE + "limits: {in_flight: 77}\n")
    assert service.run("systemctl", "reload", UNIT).returncode == 0
    assert service.until(lambda: "reloaded; changed: limits" in service.journal(UNIT))
    assert service.property_of(UNIT, "MainPID") == pid
    assert service.until(lambda: service.property_of(UNIT, "ActiveState") == "active")


def test_systemctl_reload_fails_for_a_wrong_file_says_why_and_changes_nothing(service: Machine) -> None:
    pid = service.property_of(UNIT, "MainPID")
    (service.root / "etc/outrider/outrider.yaml").write_text(FILE + "nonsense: 1\n")
    assert service.run("systemctl", "reload", UNIT).returncode != 0
    assert service.until(lambda: "/etc/outrider/outrider.yaml:5:1: " in service.journal(UNIT))
    assert service.property_of(UNIT, "ActiveState") == "active"
    assert service.property_of(UNIT, "MainPID") == pid
    assert service.run("python3", "-c", ASK).stdout == f"Bearer {SECRET}\n"


def test_a_credential_that_systemd_does_not_hand_over_is_named_by_readiness(service: Machine) -> None:
    file = service.root / "etc/outrider/outrider.yaml"
    file.write_text(FILE.replace("api-token", "no-such-credential"))
    assert service.run("systemctl", "reload", UNIT).returncode == 0
    asked = ("/opt/outrider/bin/outrider", "healthcheck")
    assert service.until(lambda: "no-such-credential" in service.run(*asked).stdout)


def test_both_sockets_are_handed_over_by_their_names(service: Machine) -> None:
    service.run("systemctl", "stop", UNIT)
    (service.root / "etc/outrider/outrider.yaml").write_text(
        FILE + "listen: 127.0.0.1:1\nadmin: {listen: 127.0.0.1:2}\n"
    )
    try:
        assert service.run("systemctl", "start", "outrider.socket", "outrider-admin.socket").returncode == 0
        assert service.run("/opt/outrider/bin/outrider", "wait", "--url", "127.0.0.1:9901").stdout == "ready\n"
        assert service.run("python3", "-c", ASK).stdout == f"Bearer {SECRET}\n"
        assert service.run("systemctl", "reload", UNIT).returncode == 0
        assert service.until(lambda: "reloaded; changed: nothing" in service.journal(UNIT))
        assert service.run("python3", "-c", ASK).stdout == f"Bearer {SECRET}\n"
    finally:
        service.run("systemctl", "stop", "outrider.socket", "outrider-admin.socket")


def test_a_loop_that_hangs_is_found_by_the_watchdog_and_started_again(machine: Machine, request) -> None:
    _drop_in(machine.root / "etc", "watchdog", "WatchdogSec=2", "WatchdogSignal=SIGKILL")
    try:
        service = request.getfixturevalue("service")
        pid = service.property_of(UNIT, "MainPID")
        service.run("sh", "-c", f"kill -STOP {pid}")
        assert service.until(lambda: service.property_of(UNIT, "NRestarts") == "1")
        assert "Watchdog timeout" in service.journal(UNIT)
        assert service.until(lambda: service.property_of(UNIT, "ActiveState") == "active")
        assert service.property_of(UNIT, "MainPID") != pid
    finally:
        (machine.root / f"etc/systemd/system/{UNIT}.d/watchdog.conf").unlink()


def test_a_wrong_file_is_not_tried_again(service: Machine) -> None:
    service.run("systemctl", "stop", UNIT)
    (service.root / "etc/outrider/outrider.yaml").write_text("nonsense: 1\n")
    assert service.run("systemctl", "start", UNIT).returncode != 0
    assert service.property_of(UNIT, "ExecMainStatus") == "78"
    assert service.property_of(UNIT, "ActiveState") == "failed"
    assert service.property_of(UNIT, "NRestarts") == "0"


def test_a_connection_starts_the_service_by_its_socket(service: Machine) -> None:
    service.run("systemctl", "stop", UNIT)
    assert service.run("systemctl", "start", "outrider.socket").returncode == 0
    assert service.property_of(UNIT, "ActiveState") == "inactive"
    assert service.run("python3", "-c", ASK).stdout == f"Bearer {SECRET}\n"
    assert service.property_of(UNIT, "ActiveState") == "active"


def test_the_readmes_line_for_sockets_does_for_a_service_that_runs_already(service: Machine) -> None:
    (line,) = readme_lines(1)
    done = service.run("sh", "-c", line)
    assert done.returncode == 0, done.stderr
    assert service.run("systemctl", "is-active", "outrider.socket", UNIT).stdout == "active\nactive\n"
    assert service.run("python3", "-c", ASK).stdout == f"Bearer {SECRET}\n"


def test_a_stopped_service_has_ended_well(service: Machine) -> None:
    assert service.run("systemctl", "stop", UNIT).returncode == 0
    assert service.property_of(UNIT, "Result") == "success"
    assert service.property_of(UNIT, "ExecMainStatus") == "0"
