"""A connection that goes back to the pool reads again, whatever the last answer's reader was doing."""

import asyncio

from proxy.clock import CoarseTimer
from proxy.message import Exchange
from proxy.upstream.connection import UpstreamConnection
from proxy.upstream.content import HIGH_WATER
from proxy.upstream.limits import Limits


class Transport(asyncio.Transport):
    """Takes everything, and knows whether it may read."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        raise AssertionError("the connection could have been used again")


async def test_an_answer_that_ends_in_a_full_buffer_does_not_keep_the_next_one_from_being_read() -> None:
    loop = asyncio.get_running_loop()
    connection, transport, freed = UpstreamConnection(loop, CoarseTimer(loop, 1.0)), Transport(), []
    connection.connection_made(transport)
    connection.adopt(freed.append, freed.append)
    exchange = Exchange("GET", b"/", [], b"1", loop.time())
    asking = asyncio.ensure_future(connection.ask(b"GET / HTTP/1.1\r\n\r\n", exchange, Limits(1.0, 5.0, 5.0)))
    await asyncio.sleep(0)
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (HIGH_WATER + 10))
    response = await asking
    connection.data_received(b"x" * HIGH_WATER)
    assert not transport.reading
    # What the transport had read before it was told to pause still comes, and is the end of the answer.
    connection.data_received(b"x" * 10)
    assert freed == [connection]
    assert transport.reading
    assert len(await response.content.read()) == HIGH_WATER + 10
    response.content.close()
