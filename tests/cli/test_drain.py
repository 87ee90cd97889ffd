from pathlib import Path

from tests.cli.running import outrider
from tests.cli.test_reload import admin_of
from tests.cli.test_run import file, run, upstream  # noqa: F401 - fixtures


def test_a_drained_daemon_ends_with_0_and_wait_waits_for_it(run, file: Path) -> None:  # noqa: F811
    running = run("-c", str(file), API_TOKEN="token")
    done = outrider("drain", "--wait", "--url", admin_of(running))
    assert (done.returncode, done.stdout) == (0, "draining; 0 requests in flight\nended\n"), done.stderr
    running.process.communicate(timeout=30)
    assert running.process.returncode == 0


def test_no_daemon_is_one_line() -> None:
    done = outrider("drain", "--url", "http://127.0.0.1:1")
    assert (done.returncode, done.stderr) == (1, "outrider: no daemon at http://127.0.0.1:1: connection refused\n")
