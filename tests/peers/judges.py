"""Two independent parsers on what reached an upstream: h11 and the strict grammar."""

import h11

from tests.peers.grammar import judge
from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import TOKEN

__all__ = ["assert_well_formed", "h11_targets"]

_CREDENTIAL = b"Bearer " + TOKEN.encode()


def h11_targets(data: bytes) -> list[bytes]:
    """Targets of the requests that h11 reads from `data`. Raises h11.RemoteProtocolError."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=2**20)
    connection.receive_data(data)
    targets = []
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            targets.append(bytes(event.target))
        elif isinstance(event, h11.EndOfMessage):
            connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            connection.send(h11.EndOfMessage())
        if connection.our_state is h11.MUST_CLOSE or event in (h11.NEED_DATA, h11.PAUSED):
            if event is h11.PAUSED and connection.our_state is h11.DONE:
                connection.start_next_cycle()
                continue
            return targets


def assert_well_formed(upstream: RawUpstream, *, credentials: int = 1) -> None:
    """Every byte that arrived is good HTTP to both judges, and every request carries exactly one credential."""
    assert not upstream.faults, upstream.faults
    for connection in upstream.connections:
        data = bytes(connection.arrived)
        judged = judge(data)
        assert judged.fault is None, (judged.fault, data)
        whole = [request.head.target for request in judged.requests]
        assert h11_targets(data)[: len(whole)] == whole, data
        for head in connection.heads:
            assert head.all(b"authorization") == [_CREDENTIAL] * credentials, (head, data)
