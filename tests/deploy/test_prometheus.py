"""What stands ready for Prometheus: valid, each alert fires and is silent where it must, and says what to do."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.observe.metrics import METRICS

FOLDER = Path(__file__).resolve().parent.parent.parent / "deploy/prometheus"
PROMTOOL = shutil.which("promtool")
RULES = [
    rule
    for file in sorted((FOLDER / "rules").glob("*.yml"))
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]
ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
CASES = [case["name"] for case in yaml.safe_load((FOLDER / "tests.yml").read_text())["tests"]]

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [PROMTOOL or "promtool", *arguments]
    return subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=60)


@needs_promtool
def test_the_configuration_is_accepted_with_its_rules() -> None:
    done = promtool("check", "config", "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 rule files found" in done.stdout


@needs_promtool
def test_the_rules_are_accepted() -> None:
    done = promtool("check", "rules", "--lint-fatal", "rules/recording.yml", "rules/alerts.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_cases_of_the_rules_come_out_as_told() -> None:
    done = promtool("test", "rules", "tests.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_cases_come_out_so_for_targets_with_labels_of_their_own_too(tmp_path: Path) -> None:
    """A pod's, for example: what is compared must agree in the labels that all of it has."""
    cases = (FOLDER / "tests.yml").read_text()
    labelled = re.sub(r"(\{series: '\w+\{)", r'\1namespace="team",pod="one",', cases)
    assert labelled.count("namespace=") == cases.count("{series: ") > 0
    (tmp_path / "tests.yml").write_text(labelled)
    shutil.copytree(FOLDER / "rules", tmp_path / "rules")
    done = promtool("test", "rules", str(tmp_path / "tests.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS)
@pytest.mark.parametrize("end", ["fires", "is silent"])
def test_an_alert_has_a_case_of_each_kind(alert: str, end: str) -> None:
    assert [name for name in CASES if name.startswith(f"{alert} {end} - ")]


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_is_so_and_what_to_do(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert len(rule["annotations"]["summary"]) < 120
    assert len(rule["annotations"]["description"].split(". ")) >= 2


def test_the_rules_ask_only_for_what_there_is() -> None:
    ends = {"counter": ("_total",), "gauge": ("",), "info": ("_info",), "histogram": ("_bucket", "_count", "_sum")}
    there = RECORDED | {metric.name + end for metric in METRICS for end in ends[metric.kind]}
    asked = {name for rule in RULES for name in re.findall(r"[\w:]*outrider_[\w:]*", rule["expr"])}
    assert asked - there == set()


def test_every_rule_that_is_recorded_is_of_use_under_a_name_of_its_own() -> None:
    assert len(RECORDED) == len(RULES) - len(ALERTS)
