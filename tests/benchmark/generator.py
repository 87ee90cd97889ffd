"""The load generator of ours, used where wrk is not installed: `generator.py PORT PATH CONNECTIONS SECONDS`.

It keeps every connection busy with one request after the other, and prints the counts as JSON. What must not live here:
anything about the contestants.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmark.client import request_bytes
from tests.benchmark.framing import response_end

__all__ = ["Counts", "generate"]


class Counts:
    """What all connections together have seen. `stopping` keeps them from asking again."""

    __slots__ = ("completed", "failed", "stopping")

    def __init__(self) -> None:
        self.completed = 0
        self.failed = 0
        self.stopping = False


class _Caller(asyncio.Protocol):
    def __init__(self, request: bytes, counts: Counts) -> None:
        self._request = request
        self._counts = counts
        self._data = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if response_end(self._data) is None:
            return
        if self._data[9:12] == b"200":
            self._counts.completed += 1
        else:
            self._counts.failed += 1
        self._data.clear()
        if not self._counts.stopping:
            self._transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._counts.stopping:
            self._counts.failed += 1


async def generate(port: int, path: str, connections: int, seconds: float) -> dict[str, float]:
    """Load one address for a while; give the numbers of requests and failures and the seconds it really took."""
    loop = asyncio.get_running_loop()
    counts = Counts()
    request = request_bytes("GET", port, path)
    made = [
        await loop.create_connection(lambda: _Caller(request, counts), "127.0.0.1", port) for _ in range(connections)
    ]
    start, already = time.monotonic(), counts.completed
    await asyncio.sleep(seconds)
    counts.stopping = True
    result = {
        "requests": counts.completed - already,
        "failures": counts.failed,
        "seconds": time.monotonic() - start,
    }
    for transport, _ in made:
        transport.abort()
    return result


if __name__ == "__main__":
    print(json.dumps(asyncio.run(generate(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))))
