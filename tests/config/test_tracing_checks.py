import pytest

from proxy.config import tracing_checks
from tests.config.loading import config, load, only

FILE = "upstreams: {api: {url: http://127.0.0.1:9000}}\n"


def test_tracing_is_off_when_it_is_left_out() -> None:
    assert config(FILE).tracing is None


def test_tracing_without_its_libraries_says_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing_checks, "_WANTED", ("no_such_package.at_all",))
    error = only(FILE + "tracing: {endpoint: http://127.0.0.1:4318}")
    assert "tracing wants libraries that are not installed" in error
    assert "pip install 'outrider[tracing]'" in error


def test_the_fields_for_the_collector_are_not_shown() -> None:
    text = FILE + "tracing: {endpoint: http://127.0.0.1:4318, headers: {X-Key: canary}}"
    made = config(text)
    assert "canary" not in repr(made)
    assert "canary" not in made.model_dump_json()


def test_the_port_for_grpc_is_doubted() -> None:
    (warning,) = load(FILE + "tracing: {endpoint: http://collector:4317}").warnings
    assert "4317 is where collectors take OTLP over gRPC" in str(warning)
    assert "4318" in str(warning)


def test_other_ports_are_not() -> None:
    assert load(FILE + "tracing: {endpoint: http://collector:4318}").warnings == []
