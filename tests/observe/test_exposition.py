import asyncio
import re
import shutil
import subprocess
from collections.abc import Callable

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from proxy.observe.exposition import Exposition, Facts
from proxy.observe.lag import LoopLag
from proxy.observe.metrics import METRICS
from proxy.observe.tally import BOUNDS, CIRCUITS, Tallies

Sample = Callable[..., float]
PROMTOOL = shutil.which("promtool")


@pytest.fixture
def tallies() -> Tallies:
    tallies = Tallies(["api"])
    tally = tallies["api"]
    for seconds, status in ((0.02, 200), (0.02, 200), (99.0, 504)):
        tally.begin()
        tally.end("GET", status, seconds, 5, 700)
    tally.begin()
    tally.error("upstream_timeout")
    tally.attempt("failed")
    tally.count_retries(["503", "timeout"])
    tally.retries["503"] += 2
    tally.budget_exhausted = 3
    tally.not_replayable = 4
    tally.circuit = "open"
    tallies.configuration.loaded(1700000000.5)
    return tallies


@pytest.fixture
def exposition(tallies: Tallies) -> Exposition:
    lag = LoopLag(asyncio.new_event_loop())
    lag.note(0.003)
    return Exposition(tallies, lag, Facts({"version": "0.1.0", "python": "3", "aiohttp": "3", "loop": "x"}))


@pytest.fixture
def value(exposition: Exposition) -> Sample:
    families = list(parse_text(exposition.render("")[1].decode()))

    def find(name: str, **labels: str) -> float:
        found = [s.value for f in families for s in f.samples if s.name == name and s.labels == labels]
        assert len(found) == 1, (name, labels, found)
        return found[0]

    return find


def test_requests_are_shown_by_upstream_method_and_code(value: Sample) -> None:
    assert value("outrider_requests_total", upstream="api", method="GET", code="200") == 2
    assert value("outrider_requests_total", upstream="api", method="GET", code="504") == 1


def test_the_duration_histogram_is_cumulative(value: Sample) -> None:
    name = "outrider_request_duration_seconds"
    assert value(f"{name}_bucket", upstream="api", le="0.01") == 0
    assert value(f"{name}_bucket", upstream="api", le="0.025") == 2
    assert value(f"{name}_bucket", upstream="api", le="60.0") == 2
    assert value(f"{name}_bucket", upstream="api", le="+Inf") == 3
    assert value(f"{name}_count", upstream="api") == 3
    assert value(f"{name}_sum", upstream="api") == pytest.approx(99.04)


def openmetrics(exposition: Exposition) -> str:
    return exposition.render("application/openmetrics-text")[1].decode()


def test_openmetrics_is_told_the_unit_that_a_name_ends_in(exposition: Exposition) -> None:
    units = dict(re.findall(r"^# UNIT (outrider_\w+) (\w+)$", openmetrics(exposition), re.MULTILINE))
    assert units == {one.name: one.unit for one in METRICS if one.unit}
    assert units["outrider_request_bytes"] == "bytes"
    assert units["outrider_token_expiry_timestamp_seconds"] == "seconds"


def test_a_bucket_names_its_last_request_and_trace_in_openmetrics(exposition: Exposition, tallies: Tallies) -> None:
    for request_id, trace_id in ((b"first", ""), (b"last", "ab" * 16)):
        tallies["api"].begin()
        tallies["api"].end("GET", 200, 0.3, 0, 0, request_id, trace_id)
    (line,) = [line for line in openmetrics(exposition).splitlines() if "request_id" in line]
    bucket, _, exemplar = line.partition(" # ")
    assert bucket.startswith('outrider_request_duration_seconds_bucket{le="0.5",upstream="api"}')
    assert exemplar == '{request_id="last",trace_id="' + "ab" * 16 + '"} 0.3'


def test_an_exemplar_has_no_request_id_that_is_too_long_for_it(exposition: Exposition, tallies: Tallies) -> None:
    tallies["api"].end("GET", 200, 0.3, 0, 0, b"x" * 128)
    assert "xxx" not in openmetrics(exposition)


def test_the_text_form_has_no_exemplars(exposition: Exposition, tallies: Tallies) -> None:
    tallies["api"].end("GET", 200, 0.3, 0, 0, b"last")
    assert b" # " not in exposition.render("")[1]


def test_the_buckets_fit_fast_apis_and_answers_that_take_minutes() -> None:
    assert BOUNDS[0] <= 0.001
    assert BOUNDS[-1] >= 600


def test_every_metric_has_a_name_of_its_own() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_has_nothing_against_the_metrics(exposition: Exposition) -> None:
    text = exposition.render("")[1]
    judged = subprocess.run([str(PROMTOOL), "check", "metrics"], input=text, capture_output=True, timeout=30)
    assert (judged.returncode, judged.stdout, judged.stderr) == (0, b"", b"")


def test_bytes_errors_attempts_and_in_flight_are_shown(value: Sample) -> None:
    assert value("outrider_requests_in_flight", upstream="api") == 1
    assert value("outrider_request_bytes_total", upstream="api") == 15
    assert value("outrider_response_bytes_total", upstream="api") == 2100
    assert value("outrider_errors_total", upstream="api", code="upstream_timeout") == 1
    assert value("outrider_errors_total", upstream="-", code="upstream_timeout") == 0
    assert value("outrider_attempts_total", upstream="api", outcome="failed") == 1


def test_retries_are_shown_by_reason_and_what_prevented_them(value: Sample) -> None:
    assert value("outrider_retries_total", upstream="api", reason="503") == 2
    assert value("outrider_retries_total", upstream="api", reason="timeout") == 0
    assert value("outrider_retry_budget_exhausted_total", upstream="api") == 3
    assert value("outrider_not_replayable_total", upstream="api") == 4


def test_a_circuit_is_one_at_the_state_that_it_is_in(value: Sample) -> None:
    states = {state: value("outrider_circuit_state", upstream="api", state=state) for state in CIRCUITS}
    assert states == {"closed": 0, "open": 1, "half_open": 0}


def test_an_upstream_without_a_breaker_shows_no_circuit(exposition: Exposition, tallies: Tallies) -> None:
    tallies["api"].circuit = None
    assert "outrider_circuit_state{" not in exposition.render("")[1].decode()


def test_waits_for_a_limit_are_a_histogram_beside_the_refusals(tallies: Tallies, exposition: Exposition) -> None:
    tallies["api"].rate_limit_wait(0.02)
    tallies["api"].rate_limit_wait(3.0)
    tallies["api"].rate_limited += 4
    text = exposition.render("")[1].decode()
    assert 'outrider_rate_limit_wait_seconds_bucket{le="0.025",upstream="api"} 1.0' in text
    assert 'outrider_rate_limit_wait_seconds_count{upstream="api"} 2.0' in text
    assert 'outrider_rate_limit_wait_seconds_sum{upstream="api"} 3.02' in text
    assert 'outrider_rate_limited_total{upstream="api"} 4.0' in text


def test_what_is_left_of_a_quota_is_shown_once_it_is_known(tallies: Tallies, exposition: Exposition) -> None:
    assert b"quota_remaining{" not in exposition.render("")[1]
    tallies["api"].quota_remaining = 17
    assert b'outrider_upstream_quota_remaining{upstream="api"} 17.0' in exposition.render("")[1]


def test_the_loops_lag_is_a_histogram(value: Sample) -> None:
    assert value("outrider_event_loop_lag_seconds_bucket", le="0.001") == 0
    assert value("outrider_event_loop_lag_seconds_bucket", le="0.005") == 1
    assert value("outrider_event_loop_lag_seconds_count") == 1


def test_the_build_and_the_load_of_the_configuration_are_shown(value: Sample) -> None:
    assert value("outrider_build_info", version="0.1.0", python="3", aiohttp="3", loop="x") == 1
    assert value("outrider_config_last_reload_successful") == 1
    assert value("outrider_config_last_reload_success_timestamp_seconds") == 1700000000.5


def test_the_process_itself_and_its_collector_are_shown(value: Sample) -> None:
    assert value("process_cpu_seconds_total") > 0
    assert value("process_resident_memory_bytes") > 0
    assert value("python_gc_collections_total", generation="0") >= 0


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_of_the_table_is_shown_with_its_labels(exposition: Exposition, metric) -> None:
    families = {f.name: f for f in parse_openmetrics(exposition.render("application/openmetrics-text")[1].decode())}
    family = families[metric.name]
    assert (family.type, family.documentation) == (metric.kind, metric.help)
    assert all(set(s.labels) - {"le"} == set(metric.labels) for s in family.samples)


def test_nothing_of_ours_is_shown_that_is_not_in_the_table(exposition: Exposition) -> None:
    families = parse_openmetrics(exposition.render("application/openmetrics-text")[1].decode())
    shown = {f.name for f in families if f.name.startswith("outrider_")}
    assert shown == {metric.name for metric in METRICS}


def test_callers_cannot_invent_a_label(exposition: Exposition, tallies: Tallies) -> None:
    before = exposition.render("")[1].count(b"\noutrider_")
    for number in range(50):
        tallies.none.begin()
        tallies.none.end(f"EVIL{number}", 600 + number, 0.1, 0, 0)
    text = exposition.render("")[1]
    assert b"EVIL" not in text
    assert text.count(b"\noutrider_") == before + 1


def test_openmetrics_is_given_to_who_names_it(exposition: Exposition) -> None:
    media, text = exposition.render("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3")
    assert media.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith(b"# EOF\n")


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "application/json"])
def test_everyone_else_gets_the_text_form(exposition: Exposition, accept: str) -> None:
    media, text = exposition.render(accept)
    assert media == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# EOF" not in text


def test_a_wild_version_in_accept_is_not_repeated(exposition: Exposition) -> None:
    media, _ = exposition.render("application/openmetrics-text; version=evil")
    assert "evil" not in media
