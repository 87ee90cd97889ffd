"""The blocking client: one connection, raw sockets, so that what it costs itself is small and the same for everyone.

What must not live here: what is done with the figures.
"""

import socket
import time
from dataclasses import dataclass
from statistics import median

from tests.benchmark.framing import LAST_CHUNK, parse_head, response_end

__all__ = ["Transfer", "answers", "download", "latency_us", "request_bytes", "upload"]

_BLOCK = 256 * 1024
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Transfer:
    """How many bytes of content went over, in how many seconds; fewer than asked for when time ran out first."""

    size: int
    seconds: float

    @property
    def mib_per_second(self) -> float:
        return self.size / 2**20 / self.seconds


def request_bytes(method: str, port: int, path: str, content_length: int | None = None) -> bytes:
    """Build the request that every contestant gets, with the few fields that a usual client sends."""
    length = "" if content_length is None else f"Content-Length: {content_length}\r\n"
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: benchmark/1.0\r\n"
        f"Accept: application/json\r\nX-Debug: 1\r\n{length}\r\n"
    ).encode()


def answers(port: int, path: str) -> bool:
    """Say whether a request is answered with 200 now."""
    try:
        with _connect(port) as connection:
            connection.sendall(request_bytes("GET", port, path))
            return b" 200 " in _response(connection)[:16]
    except OSError:
        return False


def latency_us(port: int, path: str, count: int, limit: float) -> float:
    """Give the median time of up to `count` requests in a row on one connection, in at most `limit` seconds."""
    request = request_bytes("GET", port, path)
    times: list[int] = []
    give_up = time.monotonic() + limit
    with _connect(port) as connection:
        while len(times) < count and time.monotonic() < give_up:
            start = time.perf_counter_ns()
            connection.sendall(request)
            _response(connection)
            times.append(time.perf_counter_ns() - start)
    return median(times) / 1000


def download(port: int, path: str, limit: float) -> Transfer:
    """Receive one large response, for at most `limit` seconds."""
    buffer = memoryview(bytearray(_BLOCK))
    with _connect(port) as connection:
        start = time.monotonic()
        connection.sendall(request_bytes("GET", port, path))
        first = _until_head(connection)
        head = parse_head(first)
        if head is None or head.status != 200:
            raise ConnectionError(f"the download was answered with {bytes(first[:60])!r}")
        size, tail = len(first) - head.size, bytes(first[-len(LAST_CHUNK) :])
        complete = False
        while time.monotonic() - start < limit and not complete:
            if size == head.length or (head.chunked and tail == LAST_CHUNK):
                complete = True
            elif count := connection.recv_into(buffer):
                size += count
                tail = (tail + bytes(buffer[max(0, count - len(LAST_CHUNK)) : count]))[-len(LAST_CHUNK) :]
            else:
                raise ConnectionError(f"the download was cut after {size} bytes")
        return Transfer(size, time.monotonic() - start)


def upload(port: int, path: str, size: int, limit: float) -> Transfer:
    """Send one large request and wait for its answer, for at most `limit` seconds."""
    block = memoryview(b"x" * _BLOCK)
    with _connect(port) as connection:
        start = time.monotonic()
        connection.sendall(request_bytes("POST", port, path, size))
        sent = 0
        while sent < size and time.monotonic() - start < limit:
            sent += connection.send(block[: size - sent])
        if sent < size:
            return Transfer(sent, time.monotonic() - start)
        answer = bytes(_response(connection))
        # The sink says how much arrived: a proxy that loses content must not look fast.
        if not answer.startswith(b"HTTP/1.1 200 ") or str(size).encode() not in answer.partition(b"\r\n\r\n")[2]:
            raise ConnectionError(f"the upload was answered with {answer[:60]!r}")
        return Transfer(size, time.monotonic() - start)


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _until_head(connection: socket.socket) -> bytearray:
    data = bytearray()
    while parse_head(data) is None:
        data += _some(connection)
    return data


def _response(connection: socket.socket) -> bytearray:
    data = bytearray()
    while response_end(data) is None:
        data += _some(connection)
    return data


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the connection was closed before the response was whole")
    return data
