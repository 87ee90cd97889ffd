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


@pytest.fixture
def guarded(run, file: Path) -> str:  # noqa: F811
    """The admin address of a daemon that wants a token, which stands in a file beside its configuration."""
    (file.parent / "admin-token").write_text("secret-1\n")
    (file.parent / "admin-token").chmod(0o600)
    file.write_text(file.read_text().replace("admin: {", "admin: {token: {file: admin-token}, "))
    return admin_of(run("-c", str(file), API_TOKEN="token"))


def test_the_admin_token_is_asked_for_and_taken(guarded: str, tmp_path: Path) -> None:
    refused = outrider("reload", "--url", guarded)
    assert (refused.returncode, "set $OUTRIDER_ADMIN_TOKEN" in refused.stderr) == (1, True)
    assert outrider("reload", "--url", guarded, OUTRIDER_ADMIN_TOKEN="secret-1").returncode == 0
    token = tmp_path / "token"
    token.write_text("secret-1\n")
    assert outrider("reload", "--url", guarded, "--token-file", str(token)).returncode == 0


def test_the_token_is_found_in_the_file_though_that_is_wrong_elsewhere(guarded: str, file: Path) -> None:  # noqa: F811
    assert outrider("reload", "--url", guarded, "-c", str(file)).returncode == 0
    file.write_text(file.read_text() + "nonsense: 1\n")
    done = outrider("reload", "--url", guarded, "-c", str(file))
    assert (done.returncode, "nothing was changed" in done.stderr) == (78, True), done.stderr


def test_a_token_of_a_file_goes_to_no_address_that_came_from_elsewhere(guarded: str, file: Path) -> None:  # noqa: F811
    done = outrider("reload", "--url", guarded, OUTRIDER_CONFIG=str(file))
    assert (done.returncode, "wants its admin token" in done.stderr) == (1, True)


def test_a_token_that_is_not_accepted_is_told_with_its_place(guarded: str) -> None:
    done = outrider("reload", "--url", guarded, OUTRIDER_ADMIN_TOKEN="secret-2")
    assert done.returncode == 1
    assert done.stderr == f"outrider: {guarded} does not accept the token from $OUTRIDER_ADMIN_TOKEN\n"


def test_a_token_of_the_file_that_cannot_be_read_is_told(guarded: str, file: Path) -> None:  # noqa: F811
    (file.parent / "admin-token").unlink()
    done = outrider("reload", "--url", guarded, "-c", str(file))
    assert (done.returncode, f"admin.token of {file}: " in done.stderr) == (2, True), done.stderr
    assert "set $OUTRIDER_ADMIN_TOKEN" in done.stderr


def test_flags_have_no_file_to_read_again(run, upstream: str) -> None:  # noqa: F811
    running = run("--upstream", upstream, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    done = outrider("reload", "--url", admin_of(running))
    assert (done.returncode, "started from flags" in done.stderr) == (1, True)
