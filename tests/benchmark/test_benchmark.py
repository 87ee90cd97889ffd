"""The whole benchmark, run for a moment with the real programs that are installed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmark.contestants import CONTESTANTS
from tests.benchmark.figures import FIGURES
from tests.benchmark.seeing import cost_us
from tests.benchmark.switched import Pair

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark reads /proc and pins to cores")

CHECKOUT = Path(__file__).resolve().parents[2]


def benchmark(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmark", *arguments],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env={**os.environ, "PATH": path if path is not None else os.environ["PATH"]},
        timeout=100,
        check=False,
    )


def test_the_quick_run_measures_every_installed_contestant(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    run = benchmark("--quick", "--json", str(file))
    assert run.returncode == 0, run.stdout + run.stderr
    written = json.loads(file.read_text())
    for contestant in CONTESTANTS:
        if contestant.installed:
            assert set(written["contestants"][contestant.name]) == {figure.key for figure in FIGURES}, contestant
        else:
            assert f"{contestant.title}: not installed" in run.stdout


def test_where_nothing_is_installed_our_own_upstream_and_generator_take_over(tmp_path: Path) -> None:
    run = benchmark("--quick", "--only", "usual", "nginx", path=str(tmp_path))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "own generator" in run.stdout
    assert "small answers by the upstream of ours" in run.stdout
    assert "nginx: not installed" in run.stdout


def test_an_interrupted_run_leaves_no_process_and_no_file_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.benchmark", "--quick", "--only", "usual"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=CHECKOUT, env=environment, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        assert "usual" in run.stderr.readline()
        run.send_signal(signal.SIGINT)
        assert run.wait(30) == 130
    assert not list(tmp_path.iterdir())
    assert not _mentioning(str(tmp_path))


def test_an_unknown_contestant_is_wrong_usage() -> None:
    run = benchmark("--only", "nobody")
    assert run.returncode == 2
    assert "outrider-on" in run.stderr


def _mentioning(text: str) -> list[str]:
    # The programs inherit TMPDIR, so each of them can be told from everyone else's by its environment.
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdecimal() and text in (folder / "environ").read_text(errors="replace"):
                found.append(folder.name)
        except OSError:
            continue
    return found


def test_what_seeing_costs_is_measured_in_pairs_of_one_run() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.benchmark.seeing", "--seconds", "1"],
        capture_output=True, text=True, cwd=CHECKOUT, timeout=100, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    log, metrics, both = run.stdout.splitlines()
    assert [line.partition(" ")[0] for line in (log, metrics, both)] == ["request", "metrics,", "both:"]


def test_a_neighbour_who_slows_both_halves_of_a_pair_down_changes_nothing() -> None:
    calm = [Pair(50, 55)] * 10
    assert cost_us(calm) == pytest.approx(5)
    assert cost_us([*calm, Pair(100, 110), Pair(150, 165), Pair(300, 330)]) == pytest.approx(5)
