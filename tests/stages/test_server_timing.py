from proxy.message import Exchange, Response
from proxy.stages.server_timing import ServerTiming

SHARED = [b"Server-Timing: db;dur=5"]


class Next:
    async def send(self, exchange: Exchange) -> Response:
        exchange.attempts += 1
        return Response(200, b"", SHARED)


def exchange(**values: float) -> Exchange:
    made = Exchange("GET", b"/", [], b"id", 1.0)
    for name, value in values.items():
        setattr(made, name, value)
    return made


async def test_waits_are_told_in_milliseconds_beside_the_upstreams_own_line() -> None:
    response = await ServerTiming(lambda: 1.5, Next()).send(exchange(queued=0.1, auth_wait=0.05, first_byte=0.0125))
    assert response.lines == [
        b"Server-Timing: db;dur=5",
        b"Server-Timing: outrider;dur=500.000, queue;dur=100.000, auth;dur=50.000, upstream;dur=12.500, "
        b'attempts;desc="1"',
    ]


async def test_what_did_not_wait_is_not_told() -> None:
    response = await ServerTiming(lambda: 1.5, Next()).send(exchange(first_byte=0.4))
    assert response.lines[-1] == b'Server-Timing: outrider;dur=500.000, upstream;dur=400.000, attempts;desc="1"'


async def test_lines_that_others_share_are_left_as_they_are() -> None:
    await ServerTiming(lambda: 1.5, Next()).send(exchange())
    assert SHARED == [b"Server-Timing: db;dur=5"]
