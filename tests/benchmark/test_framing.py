"""Where a response ends."""

import pytest

from tests.benchmark.framing import parse_head, response_end

FIXED = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxxx"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\nxxxxxxxxxxxxxxxx\r\n0\r\n\r\n"


@pytest.mark.parametrize("message", [FIXED, CHUNKED])
def test_a_response_ends_where_its_content_ends(message: bytes) -> None:
    assert response_end(message + b"HTTP/1.1 404") == len(message)


@pytest.mark.parametrize("message", [FIXED, CHUNKED])
def test_a_response_is_incomplete_at_every_earlier_byte(message: bytes) -> None:
    assert all(response_end(message[:size]) is None for size in range(len(message)))


def test_a_chunk_whose_size_ends_in_a_zero_does_not_end_the_content() -> None:
    assert response_end(CHUNKED[: -len(b"0\r\n\r\n")]) is None


def test_a_response_without_content_ends_with_its_head() -> None:
    message = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    assert response_end(message) == len(message)


def test_the_head_of_a_response_gives_its_status() -> None:
    head = parse_head(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 12\r\n\r\n")
    assert head is not None
    assert (head.status, head.length, head.chunked) == (502, 12, False)


def test_the_head_of_a_request_has_no_status() -> None:
    head = parse_head(b"POST /sink HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert head is not None
    assert (head.status, head.length, head.chunked) == (0, None, True)
