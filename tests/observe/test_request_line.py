import json
import logging
from typing import Any, get_args, get_type_hints

import pytest

from proxy.errors import UpstreamTimeout
from proxy.message import Exchange
from proxy.observe.request_line import Ended, JsonLine, Peer, RequestLine, TextLine, Values

PEERS = {"api": Peer("api.example.com", 8443)}
LINES = [JsonLine(PEERS), TextLine()]


def exchange(**values: Any) -> Exchange:
    made = Exchange("GET", b"/", [(b"X-Field", b"canary")], b"id-1", 0.0)
    for name, value in values.items():
        setattr(made, name, value)
    return made


def line(maker: RequestLine, **values: Any) -> str:
    wanted: dict[str, Any] = {
        "at": 1700000000.25, "level": logging.INFO, "method": "GET", "target": "/orders/7?token=canary", "status": 200,
        "seconds": 0.0125, "received": 5, "sent": 700, "request_id": b"id-1", "upstream": "api",
        "attempts": 1,
    }  # fmt: skip
    return maker(Ended(**wanted | values))


def document(**values: Any) -> dict[str, Any]:
    read = json.loads(line(JsonLine(PEERS), **values))
    assert isinstance(read, dict)
    return read


def test_a_request_has_the_names_of_opentelemetry() -> None:
    assert document() == {
        "timestamp": "2023-11-14T22:13:20.250Z",
        "severity_text": "INFO",
        "severity_number": 9,
        "body": "GET 200",
        "event.name": "request.completed",
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "api.example.com",
        "server.port": 8443,
        "outrider.upstream": "api",
        "url.path": "/orders/7",
        "outrider.request_id": "id-1",
        "outrider.duration.total": 0.0125,
        "http.request.body.size": 5,
        "http.response.body.size": 700,
        "outrider.attempts": 1,
    }


def test_what_a_request_waited_for_and_who_asked_is_told() -> None:
    marked = exchange(queued=0.5, auth_wait=0.25, caller="job", refreshed=True)
    told = document(exchange=marked, attempts=2, upstream_seconds=0.125)
    assert {name.removeprefix("outrider."): value for name, value in told.items() if name.startswith("outrider.")} == {
        "upstream": "api",
        "request_id": "id-1",
        "duration.total": 0.0125,
        "attempts": 2,
        "duration.upstream": 0.125,
        "duration.queued": 0.5,
        "duration.auth": 0.25,
        "caller": "job",
        "refreshed": True,
    }


def test_an_error_of_outriders_own_is_told_with_its_stage() -> None:
    told = document(error=UpstreamTimeout("no answer in 30 s"), status=504, level=logging.WARNING)
    assert told["event.name"] == "request.failed"
    assert (told["error.type"], told["severity_number"]) == ("upstream_timeout", 13)
    assert told["outrider.stage"] == UpstreamTimeout.stage
    assert told["body"] == f"upstream_timeout at {UpstreamTimeout.stage}: no answer in 30 s"


def test_a_request_that_met_no_upstream_names_none() -> None:
    told = document(upstream="", attempts=None, status=404)
    assert told.keys().isdisjoint({"server.address", "outrider.upstream", "outrider.attempts"})


@pytest.mark.parametrize("maker", LINES)
@pytest.mark.parametrize("target", ["/a?canary", "/a?x=canary#canary", "http://user:canary@host/canary", "*"])
def test_neither_a_query_nor_a_password_in_a_target_is_shown(maker: RequestLine, target: str) -> None:
    assert "canary" not in line(maker, target=target)


@pytest.mark.parametrize("maker", LINES)
@pytest.mark.parametrize("target", ["/a\x1b[31m\r\nb", '/"\\', "/\udcff\x00", "/\u202e\x85\u2028"])
def test_a_path_stays_on_its_line_and_in_its_place(maker: RequestLine, target: str) -> None:
    text = line(maker, target=target)
    assert text.count("\n") == 1
    assert text.strip("\n").isprintable()


@pytest.mark.parametrize("maker", LINES)
def test_a_long_path_is_cut(maker: RequestLine) -> None:
    assert len(line(maker, target="/" + "x" * 100_000)) < 2000


@pytest.mark.parametrize("maker", LINES)
def test_a_method_that_nobody_knows_is_not_repeated(maker: RequestLine) -> None:
    assert "CANARY" not in line(maker, method="CANARY")
    assert "OTHER" in line(maker, method="CANARY")


def test_a_line_for_people_begins_with_what_they_look_for() -> None:
    assert line(TextLine()) == (
        "2023-11-14T22:13:20.250Z info    GET /orders/7 200 12.5 ms upstream=api id=id-1 in=5 out=700\n"
    )


def test_a_line_for_people_tells_errors_and_waits() -> None:
    text = line(
        TextLine(),
        error=UpstreamTimeout("no answer"),
        status=504,
        level=logging.WARNING,
        attempts=3,
        exchange=exchange(queued=0.0021, caller="job", hedged=True),
    )
    assert " warning GET /orders/7 504 12.5 ms upstream_timeout at " in text
    assert text.endswith(" attempts=3 queued=2.1ms caller=job hedged\n")


def test_statuses_that_an_upstream_invents_fill_no_memory() -> None:
    maker = JsonLine(PEERS)
    for status in range(5000):
        line(maker, status=status)
    assert len(maker._prepared) <= 1024


def test_the_values_without_names_are_those_with_names() -> None:
    assert get_args(Values) == tuple(get_type_hints(Ended).values())
