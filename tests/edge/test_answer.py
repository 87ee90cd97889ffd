import h11
import pytest

from proxy.edge import answer
from proxy.edge.answer import local_head, relayed_head
from proxy.message import Response


def _read(head: bytes) -> h11.Response:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(head)
    event = client.next_event()
    assert isinstance(event, h11.Response)
    return event


@pytest.mark.parametrize("lines", [[], [b"X-One: 1"], [b"X-One: 1", b"x-one: 2"]])
def test_a_relayed_head_is_well_formed_with_and_without_fields(lines: list[bytes]) -> None:
    read = _read(relayed_head(Response(200, b"OK", lines), b"\r\nContent-Length: 0", b"id-1", True, False))
    expected = [tuple(line.split(b": ")) for line in lines]
    assert list(read.headers) == [
        *((name.lower(), value) for name, value in expected),
        (b"via", b"1.1 outrider"),
        (b"outrider-request-id", b"id-1"),
        (b"content-length", b"0"),
    ]


@pytest.mark.parametrize(
    ("keep_alive", "old", "connection"),
    [(True, False, []), (False, False, [b"close"]), (True, True, [b"keep-alive"]), (False, True, [b"close"])],
)
def test_the_connections_fate_is_told(keep_alive: bool, old: bool, connection: list[bytes]) -> None:
    for head in (
        relayed_head(Response(200, b"OK", []), b"\r\nContent-Length: 0", b"1", keep_alive, old),
        local_head(404, [], 0, b"1", keep_alive, old),
    ):
        assert [value for name, value in _read(head).headers if name == b"connection"] == connection


def test_the_upstreams_own_reason_goes_on() -> None:
    assert _read(relayed_head(Response(299, b"Quite \xfc", []), b"", b"1", True, False)).reason == b"Quite \xfc"


@pytest.mark.parametrize("length", [None, 0, 12])
def test_a_local_head_tells_its_length_when_it_has_content(length: int | None) -> None:
    read = _read(local_head(204 if length is None else 404, [b"A: 1"], length, b"id-1", True, False))
    fields = dict(read.headers)
    assert fields.get(b"content-length") == (None if length is None else b"%d" % length)
    assert (fields[b"a"], fields[b"outrider-request-id"]) == (b"1", b"id-1")


def test_invented_reasons_do_not_grow_what_is_remembered() -> None:
    for number in range(1000):
        head = relayed_head(Response(200, b"reason %d" % number, []), b"", b"1", True, False)
        assert head.startswith(b"HTTP/1.1 200 reason %d\r\n" % number)
        assert len(answer._STATUS_LINES) <= 256
