"""Response heads and chunks, with h11 as the judge of what is acceptable HTTP."""

import itertools

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import UpstreamProtocolError
from proxy.upstream import framing
from proxy.upstream.framing import LAST_CHUNK, ChunkedDecoder, ResponseHead, chunk, find_head, parse_head


def _parse(data: bytes) -> ResponseHead:
    found = find_head(data)
    assert found is not None
    return parse_head(found[0])


def _head(*lines: bytes, start: bytes = b"HTTP/1.1 200 OK") -> ResponseHead:
    return _parse(b"\r\n".join([start, *lines, b"", b""]))


def _decode(pieces: list[bytes]) -> tuple[bytes, bool, bytes]:
    decoder = ChunkedDecoder()
    content, rest = b"", b""
    for piece in pieces:
        if decoder.done:
            rest += piece
        else:
            content += decoder.feed(piece)
            rest = decoder.rest
    return content, decoder.done, rest


def _cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


# Heads


def test_a_head_is_split_off_and_the_rest_left() -> None:
    assert find_head(b"HTTP/1.1 200 OK\r\nA: 1\r\n\r\nrest\r\n\r\n") == ([b"HTTP/1.1 200 OK", b"A: 1"], b"rest\r\n\r\n")


@pytest.mark.parametrize("data", [b"", b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nA: 1\r\n\r"])
def test_an_incomplete_head_is_none_yet(data: bytes) -> None:
    assert find_head(data) is None


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\nA: 1\n\nrest",
        b"HTTP/1.1 200 OK\r\nA: 1\n\r\nrest",
        b"HTTP/1.1 200 OK\nA: 1\r\n\nrest",
        b"HTTP/1.1 200 OK\nA: 1\n\nrest\r\n\r\n",
    ],
)
def test_bare_line_feeds_end_lines_too(data: bytes) -> None:
    found = find_head(data)
    assert found is not None
    assert found[0] == [b"HTTP/1.1 200 OK", b"A: 1"]
    assert found[1].startswith(b"rest")


@pytest.mark.parametrize("fold", [b"\r\n ", b"\n\t", b"\r\n   \t"])
def test_a_folded_line_becomes_one(fold: bytes) -> None:
    assert _parse(b"HTTP/1.1 200 OK\r\nA: 1" + fold + b"2\r\n\r\n").lines == [b"A: 1 2"]


@pytest.mark.parametrize("byte", [b"\x00", b"\x01", b"\x0b", b"\x7f", b"\r"])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_control_character_is_an_error(byte: bytes, end: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        _parse(b"HTTP/1.1 200 OK" + end + b"A: 1" + byte + b"2" + end + end)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"HTTP/1.1 200 OK", (1, 200, b"OK")),
        (b"HTTP/1.0 404 Not Found", (0, 404, b"Not Found")),
        (b"HTTP/1.1 200 ", (1, 200, b"")),
        (b"HTTP/1.1 200", (1, 200, b"")),
        (b"HTTP/1.1 599 \xfc\t!", (1, 599, b"\xfc\t!")),
    ],
)
def test_a_status_line_is_read_in_its_forms(line: bytes, expected: tuple[int, int, bytes]) -> None:
    for _ in range(2):
        head = _head(start=line)
        assert (head.minor, head.status, head.reason) == expected


@pytest.mark.parametrize(
    "line",
    [b"", b"HTTP/1.1", b"HTTP/2 200 OK", b"HTTP/1.2 200 OK", b"http/1.1 200 OK", b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK",
     b"HTTP/1.1 099 OK", b"HTTP/1.1  200 OK", b"HTTP/1.1 2x0 OK", b" HTTP/1.1 200 OK", b"ICY 200 OK",
     b"HTTP/1.1 +20 OK"],
)  # fmt: skip
def test_any_other_status_line_is_an_error(line: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        _head(start=line)


@pytest.mark.parametrize("line", [b"no colon", b": no name", b" : x", b"a b: x", b"a\xfc: x", b"a(: x", b"\t: x"])
def test_a_line_that_is_no_field_is_an_error(line: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        parse_head([b"HTTP/1.1 200 OK", line])


def test_space_before_the_colon_is_removed() -> None:
    head = _head(b"X-A \t: 1", b"Content-Length : 3")
    assert (head.lines, head.length) == ([b"X-A: 1"], 3)


def test_a_length_frames_the_content_and_is_no_field_any_more() -> None:
    head = _head(b"Content-Length: 12 ", b"X-A: 1")
    assert (head.length, head.chunked, head.lines, head.keep_alive) == (12, False, [b"X-A: 1"], True)


@pytest.mark.parametrize("value", [b"", b"-1", b"+1", b"1,1", b"0x1", b"1 1", b"1e3", b"\xb2", b"1" * 19, b"1_0"])
def test_a_length_that_is_no_number_is_an_error(value: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        _head(b"Content-Length: " + value)


@pytest.mark.parametrize("second", [b"1", b"2"])
def test_two_lengths_are_an_error(second: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        _head(b"Content-Length: 1", b"content-length: " + second)


@pytest.mark.parametrize("value", [b"chunked", b"Chunked", b" CHUNKED "])
def test_chunks_are_known_by_their_coding(value: bytes) -> None:
    head = _head(b"Transfer-Encoding:" + value)
    assert (head.chunked, head.length, head.lines, head.keep_alive) == (True, None, [], True)


@pytest.mark.parametrize("value", [b"", b"gzip", b"gzip, chunked", b"chunked, chunked", b"xchunked", b"chunked;q=1"])
def test_any_other_coding_is_an_error(value: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        _head(b"Transfer-Encoding: " + value)


def test_a_coding_twice_or_in_http_1_0_is_an_error() -> None:
    with pytest.raises(UpstreamProtocolError):
        _head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked")
    with pytest.raises(UpstreamProtocolError):
        _head(b"Transfer-Encoding: chunked", start=b"HTTP/1.0 200 OK")


def test_with_both_framings_the_coding_wins_and_the_connection_is_not_used_again() -> None:
    for lines in (
        [b"Content-Length: 1", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Content-Length: 1"],
    ):
        head = _head(*lines)
        assert (head.chunked, head.length, head.keep_alive) == (True, None, False)


@pytest.mark.parametrize(
    ("start", "connection", "keeps"),
    [
        (b"HTTP/1.1 200 OK", [], True),
        (b"HTTP/1.1 200 OK", [b"keep-alive"], True),
        (b"HTTP/1.1 200 OK", [b"Close"], False),
        (b"HTTP/1.1 200 OK", [b"x, close"], False),
        (b"HTTP/1.1 200 OK", [b"keep-alive", b"close"], False),
        (b"HTTP/1.0 200 OK", [], False),
        (b"HTTP/1.0 200 OK", [b"Keep-Alive"], True),
        (b"HTTP/1.0 200 OK", [b"keep-alive, close"], False),
    ],
)
def test_the_connection_is_kept_as_both_sides_agree(start: bytes, connection: list[bytes], keeps: bool) -> None:
    head = _head(*(b"Connection: " + value for value in connection), start=start)
    assert (head.keep_alive, head.lines) == (keeps, [])


def test_fields_that_connection_names_are_dropped_and_the_marks_move_along() -> None:
    head = _head(b"X-Hop: 1", b"Location: /a", b"Connection: x-hop, set-cookie", b"Set-Cookie: a=1", b"X-End: 2")
    assert head.lines == [b"Location: /a", b"X-End: 2"]
    assert head.rewritable == [0]


def test_hop_by_hop_fields_end_here_and_the_others_keep_their_bytes() -> None:
    head = _head(b"Keep-Alive: timeout=5", b"x-ODD:  spaced\t", b"Proxy-Authenticate: Basic", b"Trailer: x", b"A:\xfc")
    assert head.lines == [b"x-ODD:  spaced\t", b"A:\xfc"]


def test_places_that_point_into_the_upstream_are_marked() -> None:
    head = _head(b"A: 1", b"location: /x", b"Set-Cookie: a=1", b"B: 2", b"Set-Cookie: b=1")
    assert head.rewritable == [1, 2, 4]
    assert _head(b"A: 1").rewritable is None


def test_what_is_told_of_limits_is_kept_apart_and_passes() -> None:
    lines = [b"A: 1", b"X-RateLimit-Remaining: 5", b"Location: /x", b"retry-after: 3"]
    head = _head(*lines)
    assert head.lines == lines
    assert head.quota == [lines[1], lines[3]]
    assert head.rewritable == [2]
    assert _head(b"A: 1").quota is None


def test_an_upgrade_is_known_by_its_field() -> None:
    head = _head(b"Upgrade: websocket", b"Connection: Upgrade", start=b"HTTP/1.1 101 Switching Protocols")
    assert (head.upgrade, head.lines) == (b"websocket", [])


def test_invented_status_lines_do_not_grow_what_is_remembered() -> None:
    for number in range(1000):
        assert _head(start=b"HTTP/1.1 200 reason %d" % number).reason == b"reason %d" % number
        assert len(framing._STATUS_LINES) <= 256
    long = b"HTTP/1.1 200 " + b"x" * 10_000
    assert len(_head(start=long).reason) == 10_000
    assert long not in framing._STATUS_LINES


_PARTS = st.lists(
    st.sampled_from(
        b"HTTP/1.1 200 OK|HTTP/1.0 204|\r\n|\r\n|\r\n|\n|\r| |\t|A: b|X-Y|:|3|,|\x00|\xfc|Content-Length: 3|"
        b"Transfer-Encoding: chunked|Connection: close, a".split(b"|")
    ),
    max_size=16,
)
_HEADS = _PARTS.map(lambda parts: b"HTTP/1.1 200 OK\r\n" + b"".join(parts) + b"\r\n\r\n")


def _by_pieces(pieces: list[bytes]) -> tuple[list[bytes], bytes] | str:
    buffer, found = b"", None
    for number, piece in enumerate(pieces):
        buffer += piece
        try:
            found = find_head(buffer)
        except UpstreamProtocolError:
            return "refused"
        if found is not None:
            return found[0], found[1] + b"".join(pieces[number + 1 :])
    return "incomplete"


@settings(max_examples=500)
@given(_HEADS, st.lists(st.integers(0, 300), max_size=8))
def test_a_head_is_the_same_however_its_bytes_are_cut(data: bytes, places: list[int]) -> None:
    assert _by_pieces(_cut(data, places)) == _by_pieces([data])


@settings(max_examples=500)
@given(_HEADS)
def test_what_is_accepted_a_strict_client_accepts_as_it_is_passed_on(data: bytes) -> None:
    try:
        found = find_head(data)
        assert found is not None
        head = parse_head(found[0])
    except UpstreamProtocolError:
        return
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(b"\r\n".join([b"HTTP/1.1 %d %b" % (head.status, head.reason), *head.lines, b"", b""]))
    event = client.next_event()
    assert isinstance(event, h11.Response)
    assert event.status_code == head.status
    expected = [line.partition(b":")[::2] for line in head.lines]
    assert list(event.headers) == [(name.lower(), value.strip(b" \t")) for name, value in expected]


_FIELDS = st.sampled_from(
    [b"Content-Length: 3", b"Content-Length: 0", b"Content-Length: 3, 3", b"Transfer-Encoding: chunked", b"A: 1",
     b"Transfer-Encoding: gzip", b"Connection: close", b"Set-Cookie: a=1"]
)  # fmt: skip


@given(st.lists(_FIELDS, max_size=4), st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.1 404 No", b"HTTP/1.1 500"]))
def test_where_a_strict_client_reads_a_framing_ours_is_the_same(lines: list[bytes], start: bytes) -> None:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(b"\r\n".join([start, *lines, b"", b""]))
    try:
        judged = client.next_event()
    except h11.RemoteProtocolError:
        judged = None
    try:
        head = _head(*lines, start=start)
    except UpstreamProtocolError:
        return
    if isinstance(judged, h11.Response):
        fields = dict(judged.headers)
        assert head.chunked == (b"transfer-encoding" in fields)
        if not head.chunked:
            assert head.length == (int(fields[b"content-length"]) if b"content-length" in fields else None)


# Chunks


def test_nothing_is_no_chunk_because_that_would_be_the_last() -> None:
    assert chunk(b"") == b""
    assert chunk(b"a" * 26) == b"1a\r\n" + b"a" * 26 + b"\r\n"


_CONTENT = st.lists(st.binary(min_size=1, max_size=40), max_size=6)


@given(_CONTENT, st.lists(st.integers(0, 400), max_size=12), st.binary(max_size=8))
def test_chunks_are_the_same_however_their_bytes_are_cut(content: list[bytes], places: list[int], rest: bytes) -> None:
    data = b"".join(map(chunk, content)) + LAST_CHUNK + rest
    assert _decode(_cut(data, places)) == (b"".join(content), True, rest)


@given(_CONTENT, st.data())
def test_a_cut_answer_is_never_done(content: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(map(chunk, content)) + LAST_CHUNK
    decoded, done, _ = _decode([whole[: data.draw(st.integers(0, len(whole) - 1))]])
    assert not done
    assert b"".join(content).startswith(decoded)


@given(_CONTENT)
def test_chunks_that_we_write_a_strict_server_reads(content: list[bytes]) -> None:
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    server.receive_data(b"".join(map(chunk, content)) + LAST_CHUNK)
    assert isinstance(server.next_event(), h11.Request)
    received = b""
    while isinstance(event := server.next_event(), h11.Data):
        received += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert received == b"".join(content)


@pytest.mark.parametrize("size", [b"5", b"005", b"5;ext", b'5 ; a="b"', b"5\t"])
def test_extensions_and_zeros_before_a_size_mean_nothing(size: bytes) -> None:
    assert _decode([size + b"\r\nhello\r\n0\r\n\r\n"]) == (b"hello", True, b"")


@pytest.mark.parametrize(
    "size",
    [b"", b"g", b"-1", b"+1", b"0x1", b"1 1", b" 1", b"1_0", b"\xb2", b"5;\x00", b"5\r", b"f" * 16, b";x", b"5,5"],
)
def test_a_malformed_size_is_an_error(size: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        ChunkedDecoder().feed(size + b"\r\nhello\r\n")


def test_a_chunk_longer_than_its_size_is_an_error() -> None:
    with pytest.raises(UpstreamProtocolError):
        ChunkedDecoder().feed(b"3\r\nhello\r\n0\r\n\r\n")


def test_trailers_are_dropped() -> None:
    assert _decode([b"0\r\nAuthorization: Bearer stolen\r\nX: 1\r\n\r\nrest"]) == (b"", True, b"rest")


@pytest.mark.parametrize("trailer", [b"X: \x00", b"X: a\rb", b"X: \x7f"])
def test_a_trailer_with_control_characters_is_an_error(trailer: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        ChunkedDecoder().feed(b"0\r\n" + trailer + b"\r\n\r\n")


def _refused(pieces: list[bytes]) -> bool:
    try:
        _decode(pieces)
    except UpstreamProtocolError:
        return True
    return False


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (b"1;" + b"x" * (framing._CHUNK_LINE_CAP - 2) + b"\r\na\r\n0\r\n\r\n", False),
        (b"1;" + b"x" * (framing._CHUNK_LINE_CAP - 1) + b"\r\na\r\n0\r\n\r\n", True),
        (b"0\r\nx: " + b"x" * (framing._TRAILER_CAP - 3) + b"\r\n\r\n", False),
        (b"0\r\nx: " + b"x" * (framing._TRAILER_CAP - 2) + b"\r\n\r\n", True),
        (b"0\r\n" + b"x: 1234567\r\n" * (framing._TRAILER_CAP // 10 + 1) + b"\r\n", True),
    ],
)
def test_the_caps_of_lines_do_not_depend_on_how_the_bytes_are_cut(data: bytes, refused: bool) -> None:
    for size in (len(data), 1000, 4096, 4097, 65536, 17):
        assert _refused([data[at : at + size] for at in range(0, len(data), size)]) == refused, size


@pytest.mark.parametrize("data", [b"1" * 100_000, b"0\r\n" + b"x" * 100_000, b"1\r\na" + b"x" * 100_000])
def test_a_line_that_does_not_end_is_an_error_before_it_fills_the_memory(data: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        ChunkedDecoder().feed(data)


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from([b"0", b"1", b"5", b"a", b"\r\n", b"\r\n", b"\n", b"\r", b";", b" ", b"hello"]), max_size=14
    ),
    st.lists(st.integers(0, 60), max_size=6),
)
def test_garbage_is_judged_the_same_however_it_is_cut(parts: list[bytes], places: list[int]) -> None:
    data = b"".join(parts)
    pieces = _cut(data, places)
    assert _refused(pieces) == _refused([data])
    if not _refused([data]):
        assert _decode(pieces) == _decode([data])
