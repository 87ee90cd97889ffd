import signal
import subprocess
import sys
import time

import pytest

DEMO = [sys.executable, "-m", "proxy", "demo"]


def test_the_demonstration_succeeds_in_a_few_seconds_and_says_nothing_else() -> None:
    started = time.monotonic()
    done = subprocess.run(DEMO, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "steps went as they should" in done.stdout
    # It takes less than 3 s by itself; three times the promised 5 s is a fault on a busy machine, too.
    assert time.monotonic() - started < 15


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_kept_up_ends_with_status_0_when_it_is_told_to(number: signal.Signals) -> None:
    with subprocess.Popen([*DEMO, "--keep"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            shown = []
            while "/api/config" not in (line := process.stdout.readline()) or "curl" not in line:
                assert line, "it ended by itself"
                shown.append(line)
            base = next(line.split()[-1] for line in shown if "the application calls" in line)
            answer = subprocess.run(["curl", "-sS", f"{base}/api/hello"], capture_output=True, text=True, check=True)
            assert '"message": "hello"' in answer.stdout
            process.send_signal(number)
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
