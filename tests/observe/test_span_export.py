import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from proxy.observe import span_export
from proxy.observe.collector_fields import FieldsMissing
from proxy.observe.span_export import SpanExport
from tests.peers.otlp_collector import OtlpCollector


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(span_export, "_TIMEOUT", 0.3)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[list[tuple[str, str]]]:
    """Gets the events and messages of the log."""
    caplog.set_level(logging.INFO)
    seen: list[tuple[str, str]] = []

    class Reader(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append((getattr(record, "event", record.name), record.getMessage()))

    reader = Reader()
    logging.getLogger().addHandler(reader)
    yield seen
    logging.getLogger().removeHandler(reader)


class Fields:
    """`None` for such as have no value."""

    def __init__(self, values: Mapping[str, str] | None = MappingProxyType({})) -> None:
        self.values = values
        self.refusals = 0

    def refused(self) -> None:
        self.refusals += 1

    def __call__(self) -> Mapping[str, str]:
        if self.values is None:
            raise FieldsMissing("the key is away")
        return self.values

    async def close(self) -> None:
        """Nothing is open."""


def span() -> ReadableSpan:
    made = TracerProvider().get_tracer("test").start_span("x")
    assert isinstance(made, ReadableSpan)
    return made


def sent(export: SpanExport, number: int = 1) -> bool:
    return export.export([span() for _ in range(number)]) is SpanExportResult.SUCCESS


def test_a_collector_that_is_away_is_told_of_once_with_the_port_to_look_at(told: list[tuple[str, str]]) -> None:
    url = "http://127.0.0.1:9/v1/traces"
    export = SpanExport(url, Fields())
    assert not any(sent(export) for _ in range(2))
    ((name, message),) = told
    assert name == "tracing.export_failed"
    assert f"{url} does not answer" in message
    assert "4318" in message


@pytest.mark.parametrize(
    ("status", "hint"), [(404, "/v1/traces below"), (401, "tracing.headers"), (400, "answers 400")]
)
def test_a_refusal_is_told_with_its_status_and_what_it_may_mean(
    told: list[tuple[str, str]], status: int, hint: str
) -> None:
    with OtlpCollector() as collector:
        collector.status = status
        assert not sent(SpanExport(f"{collector.url}/v1/traces", Fields()))
    ((_, message),) = told
    assert f"answers {status}" in message
    assert hint in message


def test_how_many_were_lost_is_told_when_the_collector_takes_them_again(told: list[tuple[str, str]]) -> None:
    with OtlpCollector() as collector:
        export = SpanExport(f"{collector.url}/v1/traces", Fields())
        collector.status = 400
        sent(export, 3)
        sent(export, 4)
        collector.status = 200
        assert all(sent(export) for _ in range(2))
    assert [name for name, _ in told] == ["tracing.export_failed", "tracing.spans_lost"]
    assert told[1][1].startswith("at least 7 spans were lost")


def test_how_many_were_lost_is_told_at_the_end(told: list[tuple[str, str]]) -> None:
    with OtlpCollector() as collector:
        collector.status = 400
        export = SpanExport(f"{collector.url}/v1/traces", Fields())
        sent(export, 3)
        export.shutdown()
    assert told[-1][1].startswith("at least 3 spans were lost")


def test_the_collectors_fields_are_not_sent_where_it_points_to(told: list[tuple[str, str]]) -> None:
    with OtlpCollector() as collector, OtlpCollector() as other:
        collector.status, collector.elsewhere = 307, f"{other.url}/v1/traces"
        assert not sent(SpanExport(f"{collector.url}/v1/traces", Fields({"X-Key": "canary"})))
    assert other.fields == []
    assert "answers 307" in told[0][1]


@pytest.mark.parametrize(("status", "refusals"), [(200, 0), (400, 0), (401, 1), (403, 1)])
def test_a_refusal_of_the_credential_is_told_to_whoever_has_it(status: int, refusals: int) -> None:
    with OtlpCollector() as collector:
        collector.status, fields = status, Fields()
        sent(SpanExport(f"{collector.url}/v1/traces", fields))
    assert fields.refusals == refusals


def test_no_other_credential_goes_to_the_collector_than_that_of_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login a password canary\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with OtlpCollector() as collector:
        url = f"{collector.url}/v1/traces"
        assert sent(SpanExport(url, Fields()))
        assert sent(SpanExport(url, Fields({"Authorization": "Bearer key"})))
    assert [one.get("authorization") for one in collector.fields] == [None, "Bearer key"]


def test_all_is_silent_where_spans_arrive(told: list[tuple[str, str]]) -> None:
    with OtlpCollector() as collector:
        export = SpanExport(f"{collector.url}/v1/traces", Fields({"X-Key": "k"}))
        assert sent(export)
        export.shutdown()
    assert told == []
    assert collector.fields[0]["x-key"] == "k"


@pytest.mark.parametrize(("value", "sent_as"), [(" key\t", "key"), ("ключ", "ключ")])
def test_a_fields_value_may_be_any_that_a_secret_may_be(told: list[tuple[str, str]], value: str, sent_as: str) -> None:
    with OtlpCollector() as collector:
        assert sent(SpanExport(f"{collector.url}/v1/traces", Fields({"X-Key": value})))
    assert told == []
    assert collector.fields[0]["x-key"].encode("latin-1").decode() == sent_as


def test_without_a_value_for_a_field_nothing_is_sent_and_that_is_told(told: list[tuple[str, str]]) -> None:
    with OtlpCollector() as collector:
        export = SpanExport(f"{collector.url}/v1/traces", fields := Fields(None))
        assert not sent(export)
        fields.values = {"X-Key": "new"}
        assert sent(export)
    assert told[0][1] == "spans are lost: the key is away"
    assert [one["x-key"] for one in collector.fields] == ["new"]
