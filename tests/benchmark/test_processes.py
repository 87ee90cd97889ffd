"""Reading /proc, and ending what was started."""

import os
import sys
import time
from pathlib import Path

import pytest

from tests.benchmark.processes import running, stat_session, stat_ticks, status_mib
from tests.benchmark.waiting import DidNotStart, wait_for_answer

STAT = "4242 (a (b) c) S 1 4242 4200 0 -1 4194304 100 0 0 0 17 5 3 2 20 0 1 0 12345 1000 200 18446744073709551615"


def test_the_session_is_read_past_a_name_with_blanks_and_parentheses() -> None:
    assert stat_session(STAT) == 4200


def test_the_ticks_are_user_and_system_with_those_of_ended_children() -> None:
    assert stat_ticks(STAT) == 17 + 5 + 3 + 2


def test_a_memory_field_is_read_in_mib() -> None:
    assert status_mib("Name:\tpython\nVmHWM:\t    4096 kB\nVmRSS:\t    2048 kB\n", "VmRSS") == 2.0


def test_a_process_without_the_field_has_no_memory() -> None:
    assert status_mib("Name:\tkthread\n", "VmRSS") == 0.0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_program_is_ended_with_the_children_it_started(tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    child = "import time; print('up', flush=True); time.sleep(600)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    log = tmp_path / "log"
    with running([sys.executable, "-c", parent], core, log) as program:
        while log.read_text() != "up\n":
            assert not program.ended
        assert program.memory_mib() > 0
    # The kernel buries an orphan a moment after it was killed. What is dead has no memory, buried or not.
    give_up = time.monotonic() + 10
    while program.memory_mib() > 0:
        assert time.monotonic() < give_up


@pytest.mark.skipif(sys.platform != "linux", reason="pins to a core")
def test_a_program_that_ends_before_it_answers_is_reported_with_its_last_words(tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    failing = [sys.executable, "-c", "import sys; sys.exit('no such option')"]
    with (
        running(failing, core, tmp_path / "log") as program,
        pytest.raises(DidNotStart, match="no such option"),
    ):
        wait_for_answer(program, port=1, path="/")
