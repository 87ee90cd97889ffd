from pathlib import Path

import pytest

from tests.cli.running import outrider
from tests.cli.test_run import file, run, upstream  # noqa: F401 - fixtures


def admin_of(running) -> str:
    return running.line.rpartition("admin ")[2].split()[0]


@pytest.fixture
def running(run, file: Path):  # noqa: F811
    return run("-c", str(file), API_TOKEN="token")


def test_a_reload_says_what_it_changed(running, file: Path) -> None:  # noqa: F811
    file.write_text(file.read_text() + "limits: {in_flight: 5}\n")
    done = outrider("reload", "--url", admin_of(running))
    assert (done.returncode, done.stdout) == (0, "reloaded; changed: limits\n"), done.stderr
    assert outrider("reload", OUTRIDER_ADMIN=admin_of(running)).stdout == "reloaded; changed: nothing\n"


def test_a_broken_file_is_78_with_its_lines(running, file: Path) -> None:  # noqa: F811
    file.write_text(file.read_text() + "nonsense: 1\n")
    done = outrider("reload", "--url", admin_of(running))
    assert done.returncode == 78
    first, last = done.stderr.splitlines()
    assert first.startswith(f"{file}:5:1: ")
    assert last == "outrider: nothing was changed"
    assert running.get("/x")[0] == 200


def test_no_daemon_is_one_line() -> None:
    done = outrider("reload", "--url", "http://127.0.0.1:1")
    assert (done.returncode, done.stderr) == (1, "outrider: no daemon at http://127.0.0.1:1: connection refused\n")


def test_the_admin_token_is_asked_for_and_taken(run, file: Path, tmp_path: Path) -> None:  # noqa: F811
    text = file.read_text().replace("admin: {", "admin: {token: secret-1, ")
    file.write_text(text)
    admin = admin_of(run("-c", str(file), API_TOKEN="token"))
    refused = outrider("reload", "--url", admin)
    assert (refused.returncode, "set $OUTRIDER_ADMIN_TOKEN" in refused.stderr) == (1, True)
    assert outrider("reload", "--url", admin, OUTRIDER_ADMIN_TOKEN="secret-1").returncode == 0
    token = tmp_path / "token"
    token.write_text("secret-1\n")
    assert outrider("reload", "--url", admin, "--token-file", str(token)).returncode == 0


def test_flags_have_no_file_to_read_again(run, upstream: str) -> None:  # noqa: F811
    running = run("--upstream", upstream, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    done = outrider("reload", "--url", admin_of(running))
    assert (done.returncode, "started from flags" in done.stderr) == (1, True)
