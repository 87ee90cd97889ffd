"""The blocking client against the upstream of ours."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmark.client import answers, download, latency_us, upload
from tests.benchmark.framing import response_end
from tests.benchmark.plain_upstream import JSON_CONTENT
from tests.benchmark.processes import running
from tests.benchmark.waiting import wait_for_answer
from tests.ports import free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pins to a core")

SCRIPT = Path(__file__).with_name("plain_upstream.py")
SIZE = 3 * 2**20 + 17


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    log = tmp_path_factory.mktemp("upstream") / "log"
    with running([sys.executable, str(SCRIPT), str(port)], min(os.sched_getaffinity(0)), log) as program:
        wait_for_answer(program, port, "/")
        yield port


def exchange(port: int, *parts: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
        data = b""
        while response_end(data) is None:
            data += connection.recv(65536)
        return data


def test_a_small_answer_is_seven_hundred_bytes_of_json(port: int) -> None:
    assert len(JSON_CONTENT) == 700
    assert exchange(port, b"GET /items HTTP/1.1\r\nHost: a\r\n\r\n").endswith(b"\r\n\r\n" + JSON_CONTENT)


def test_a_download_is_received_whole(port: int) -> None:
    assert download(port, f"/large/{SIZE}", limit=10).size == SIZE


def test_an_upload_is_sent_whole_and_confirmed(port: int) -> None:
    assert upload(port, "/sink", SIZE, limit=10).size == SIZE


def test_a_chunked_upload_is_counted_without_its_framing(port: int) -> None:
    head = b"POST /sink HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = exchange(port, head + b"10\r\nxxxxxxxxxxxxxxxx\r\n", b"2\r\nxx\r\n0\r\n", b"\r\n")
    assert answer.endswith(b'{"received":18}')


def test_a_connection_serves_one_request_after_the_other(port: int) -> None:
    assert latency_us(port, "/items", count=50, limit=10) > 0


def test_a_transfer_stops_when_its_time_is_over(port: int) -> None:
    assert download(port, f"/large/{2**40}", limit=0.1).size < 2**40


def test_a_port_where_nobody_listens_does_not_answer() -> None:
    assert not answers(free_port(), "/")


def test_an_upload_whose_size_is_not_confirmed_is_an_error(port: int) -> None:
    # A request without content gets the usual small answer, which confirms no size.
    with pytest.raises(OSError, match="answered with"):
        upload(port, "/sink", 0, limit=10)
