import io
import json
import logging
import socket
import ssl
from collections.abc import Iterator
from typing import Literal

import pytest

from proxy.errors import UpstreamTimeout
from proxy.observe.log import LOGGER, configure, current_sink, event
from proxy.secret import Secret


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, raises, ours = logging.getLogger(), logging.raiseExceptions, logging.getLogger(LOGGER)
    kept, level, our_level = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = kept
    root.setLevel(level)
    ours.setLevel(our_level)
    logging.raiseExceptions = raises


def written(stream: io.StringIO) -> dict[str, object]:
    (line,) = stream.getvalue().splitlines()
    document = json.loads(line)
    assert isinstance(document, dict)
    return document


def test_a_line_carries_the_event_its_time_severity_and_attributes() -> None:
    stream = io.StringIO()
    event(
        configure("info", "json", stream),
        logging.WARNING,
        "tls.unverified",
        "not verified",
        upstream="api",
        server__port=1,
    )
    line = written(stream)
    assert line.pop("timestamp", "").endswith("Z")
    assert line == {
        "severity_text": "WARNING",
        "severity_number": 13,
        "body": "not verified",
        "event.name": "tls.unverified",
        "outrider.upstream": "api",
        "server.port": 1,
    }


@pytest.mark.parametrize(("level", "number"), [("debug", 5), ("info", 9), ("warning", 13), ("error", 17)])
def test_severities_have_the_numbers_of_opentelemetry(level: str, number: int) -> None:
    stream = io.StringIO()
    logger = configure("debug", "json", stream)
    event(logger, logging.getLevelName(level.upper()), "x", "y")
    assert written(stream)["severity_number"] == number


def test_events_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    event(configure("warning", "json", stream), logging.INFO, "start", "started")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("style", "stream"), [("auto", Terminal()), ("text", io.StringIO())])
def test_text_is_for_terminals_and_for_who_asks(style, stream: io.StringIO) -> None:
    event(configure("info", style, stream), logging.INFO, "start", "started", upstream="api")
    assert stream.getvalue().endswith("Z info    started upstream=api\n")


@pytest.mark.parametrize(("style", "stream"), [("auto", io.StringIO()), ("json", Terminal())])
def test_json_is_for_everything_else(style, stream: io.StringIO) -> None:
    event(configure("info", style, stream), logging.INFO, "start", "started")
    assert written(stream)["event.name"] == "start"


def test_heads_stand_below_their_line_for_people() -> None:
    stream = io.StringIO()
    heads = ["Accept: a", "Cookie: [redacted]\nfaked"]
    log = configure("info", "text", stream)
    event(log, logging.INFO, "wire.request", "request", outrider__wire__fields=heads, outrider__request_id="7")
    line, *below = stream.getvalue().splitlines()
    assert line.endswith("Z info    request request_id=7")
    assert below == ["    Accept: a", "    Cookie: [redacted]\\nfaked"]


def test_a_list_for_people_has_commas() -> None:
    stream = io.StringIO()
    event(configure("info", "text", stream), logging.INFO, "x", "started", upstreams=["api", "tokens"])
    assert stream.getvalue().endswith("started upstreams=api,tokens\n")


def test_a_value_cannot_start_a_line_of_its_own() -> None:
    stream = io.StringIO()
    event(configure("info", "text", stream), logging.INFO, "x", "one\ntwo", name="a\r\nb\x1b[31m")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_secret_among_the_attributes_is_redacted(style) -> None:
    stream = io.StringIO()
    event(configure("info", style, stream), logging.INFO, "x", "y", token=Secret("canary"), many=[Secret("canary")])
    assert "canary" not in stream.getvalue()
    assert "[redacted]" in stream.getvalue()


def failure(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as raised:
        return raised


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_foreign_exceptions_message_is_not_written(style) -> None:
    stream = io.StringIO()
    error = failure(RuntimeError("canary"), failure(ValueError("canary2")))
    event(configure("info", style, stream), logging.ERROR, "internal", "failed", error=error)
    assert "canary" not in stream.getvalue()
    assert "RuntimeError" in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_an_error_of_our_own_and_of_the_system_keep_their_words() -> None:
    stream = io.StringIO()
    error = failure(
        UpstreamTimeout("no answer in 30 s"), failure(ConnectionResetError(104, "Connection reset by peer"))
    )
    event(configure("info", "json", stream), logging.ERROR, "internal", "failed", error=error)
    trace = str(written(stream)["exception.stacktrace"])
    assert "proxy.errors.UpstreamTimeout: no answer in 30 s" in trace
    assert "ConnectionResetError: [104] Connection reset by peer" in trace


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(5, "canary"), "OSError: [5] Input/output error"),
        (socket.gaierror(-2, "canary"), "gaierror: [-2] no address"),
        (ssl.SSLError(1, "canary"), "SSLError: [1] TLS"),
        (OSError("canary", "canary"), "OSError"),
        (OSError("canary"), "OSError"),
    ],
)
def test_an_error_of_the_system_has_the_systems_words_and_none_that_it_was_given(error: OSError, words: str) -> None:
    stream = io.StringIO()
    event(configure("info", "json", stream), logging.ERROR, "internal", "failed", error=failure(error))
    assert str(written(stream)["exception.stacktrace"]).endswith(words)


def test_a_stack_trace_names_the_places() -> None:
    stream = io.StringIO()
    event(configure("info", "text", stream), logging.ERROR, "internal", "failed", error=failure(RuntimeError()))
    assert "test_log.py:" in stream.getvalue()
    assert "in failure: raise error from cause" in stream.getvalue()


def test_another_librarys_record_is_reduced_to_its_template() -> None:
    stream = io.StringIO()
    configure("info", "json", stream)
    logging.getLogger("aiohttp.server").error("Error handling request from %s", "canary")
    line = written(stream)
    assert (line["body"], line["logger.name"]) == ("Error handling request from %s", "aiohttp.server")


def test_other_libraries_chatter_is_not_written() -> None:
    stream = io.StringIO()
    configure("debug", "json", stream)
    logging.getLogger("asyncio").info("Using selector: %s", "EpollSelector")
    assert stream.getvalue() == ""


def test_configuring_twice_writes_each_line_once() -> None:
    stream = io.StringIO()
    configure("info", "json", stream)
    event(configure("info", "json", stream), logging.INFO, "x", "y")
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize("style", ["json", "text"])
def test_a_line_that_could_not_be_made_is_told_of_and_not_shown(style: Literal["json", "text"]) -> None:
    def make(what: str) -> str:
        raise ValueError(what)

    stream = io.StringIO()
    configure("info", style, stream)
    sink = current_sink()
    assert sink is not None
    sink.add(make, "canary")
    (line, *_) = stream.getvalue().splitlines()
    assert "a line of the log could not be made" in line
    assert "canary" not in stream.getvalue()
    assert "builtins.ValueError" in stream.getvalue()
    assert stream.getvalue().endswith("\n")
