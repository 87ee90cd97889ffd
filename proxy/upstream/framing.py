"""Response heads and chunked content as bytes, without a socket (RFC 9112).

A head that a lenient parser would accept (bare LF, folded lines, space before the colon) is first rewritten into its
strict form, then validated; what a caller receives is never what the upstream wrote unchecked. What must not live
here: connections, deadlines, what a configuration adds or removes.
"""

import re

from proxy.errors import BadRequest, UpstreamProtocolError
from proxy.policy.fields import (
    CONNECTION,
    CONTENT_LENGTH,
    HOP,
    LOCATION,
    PLAIN,
    QUOTA,
    TRANSFER_ENCODING,
    UPGRADE,
    is_legal_value,
    list_members,
    response_kinds,
)

__all__ = ["LAST_CHUNK", "ChunkedDecoder", "ResponseHead", "chunk", "find_head", "parse_head"]

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?")
_LOOSE_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\n[ \t]+")
_ALLOWED = bytes([9, 10, 13, *range(0x20, 0x7F), *range(0x80, 0x100)])
_WITHIN_A_LINE = _ALLOWED.translate(None, b"\r\n")
_HEX_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?")
_CONTROL = "The upstream's response head has control characters."
_CHUNK_LINE_CAP = 4096
_TRAILER_CAP = 64 * 1024
_REMEMBERED_LENGTH = 64
_STATUS_LINES: dict[bytes, tuple[int, int, bytes]] = {}


class ResponseHead:
    """A validated head.

    `lines` are the end-to-end field lines without CRLF. `length` is the declared content length, `chunked` whether the
    content says its own end; with neither, the connection's end is the content's. `rewritable` has the indexes of lines
    that point into the upstream (`Location`, `Set-Cookie`). `quota` has the lines that tell of the upstream's limits.
    """

    __slots__ = (
        "chunked", "keep_alive", "length", "lines", "minor", "quota", "reason", "rewritable", "status", "upgrade",
    )  # fmt: skip

    def __init__(self, minor: int, status: int, reason: bytes) -> None:
        self.minor = minor
        self.status = status
        self.reason = reason
        self.lines: list[bytes] = []
        self.length: int | None = None
        self.chunked = False
        self.keep_alive = minor == 1
        self.upgrade: bytes | None = None
        self.rewritable: list[int] | None = None
        self.quota: list[bytes] | None = None


def find_head(buffer: bytes) -> tuple[list[bytes], bytes] | None:
    """Split `buffer` into the lines of a head and the rest; None while the head is incomplete.

    Raises UpstreamProtocolError.
    """
    end = buffer.find(b"\r\n\r\n")
    if end >= 0:
        block = buffer[:end]
        lines = block.split(b"\r\n")
        ends = len(lines) - 1
        # Bare line ends elsewhere in the block mean that the head may end earlier; folds begin a line with space.
        plain = block.translate(None, _WITHIN_A_LINE) == b"\r\n" * ends
        if plain and b"\n " not in block and b"\n\t" not in block:
            return lines, buffer[end + 4 :]
    loose = _LOOSE_END.search(buffer)
    if loose is None:
        return None
    block = buffer[: loose.start()].replace(b"\r\n", b"\n")
    if b"\r" in block or block.translate(None, _ALLOWED):
        raise UpstreamProtocolError(_CONTROL)
    return _FOLD.sub(b" ", block).split(b"\n"), buffer[loose.end() :]


def parse_head(lines: list[bytes]) -> ResponseHead:
    """Validate the lines that `find_head` has split off. Raises UpstreamProtocolError."""
    head = ResponseHead(*(_STATUS_LINES.get(lines[0]) or _status_line(lines[0])))
    del lines[0]
    head.lines = kept = []
    kinds = response_kinds
    special: list[tuple[int, bytes]] | None = None
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise UpstreamProtocolError("A line of the upstream's response head has no colon.")
        try:
            kind = kinds[name]
        except BadRequest:
            line, kind = _loose_name(name, value)
        if kind == PLAIN:
            kept.append(line)
        elif kind >= LOCATION:
            if kind == QUOTA:
                head.quota = [*(head.quota or ()), line]
            else:
                head.rewritable = [*(head.rewritable or ()), len(kept)]
            kept.append(line)
        elif kind != HOP and not (kind == CONNECTION and value == b" keep-alive" and head.minor):
            special = special or []
            special.append((kind, value.strip(b" \t")))
    if special is not None:
        _apply(head, special)
    return head


def _status_line(line: bytes) -> tuple[int, int, bytes]:
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise UpstreamProtocolError("The upstream's answer does not begin with an HTTP/1 status line.")
    known = int(match[1]), int(match[2]), match[3] or b""
    if len(line) <= _REMEMBERED_LENGTH:
        if len(_STATUS_LINES) >= 256:
            _STATUS_LINES.clear()
        _STATUS_LINES[line] = known
    return known


def _loose_name(name: bytes, value: bytes) -> tuple[bytes, int]:
    """Space before the colon is removed (RFC 9112 §5.1); any other odd name is an error."""
    stripped = name.rstrip(b" \t")
    try:
        return stripped + b":" + value, response_kinds[stripped]
    except BadRequest:
        raise UpstreamProtocolError("A field name in the upstream's response is not a token.") from None


def _apply(head: ResponseHead, special: list[tuple[int, bytes]]) -> None:
    coding = None
    named: list[bytes] | None = None
    for kind, value in special:
        if kind == CONTENT_LENGTH:
            if head.length is not None:
                raise UpstreamProtocolError("The upstream's response has more than one Content-Length.")
            if not value.isdigit() or len(value) > 18:
                raise UpstreamProtocolError("The upstream's Content-Length is not a number.")
            head.length = int(value)
        elif kind == CONNECTION:
            named = [*(named or ()), *list_members(value)]
        elif kind == TRANSFER_ENCODING:
            if coding is not None or value.lower() != b"chunked" or head.minor == 0:
                raise UpstreamProtocolError("The upstream's Transfer-Encoding is not `chunked`.")
            coding = value
        elif kind == UPGRADE:
            head.upgrade = value
    if named:
        head.keep_alive = b"close" not in named and (head.minor == 1 or b"keep-alive" in named)
        extra = set(named) - {b"close", b"keep-alive", b"upgrade"}
        if extra:
            _drop_named(head, extra)
    if coding is not None:
        # Both framings at once: the coding wins and the connection is not used again (RFC 9112 §6.3).
        head.keep_alive = head.keep_alive and head.length is None
        head.chunked, head.length = True, None


def _drop_named(head: ResponseHead, named: set[bytes]) -> None:
    """Remove the fields that the Connection field names (RFC 9110 §7.6.1)."""
    rewritable = {head.lines[index] for index in head.rewritable or ()}
    head.lines = [line for line in head.lines if line.partition(b":")[0].lower() not in named]
    head.rewritable = [index for index, line in enumerate(head.lines) if line in rewritable] or None


LAST_CHUNK = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """`data` as one chunk; nothing for nothing, because an empty chunk would be the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


class ChunkedDecoder:
    """Chunked content to plain bytes. Trailers are validated and dropped, never merged into anything.

    `feed` answers the content found so far; `done` and `rest` tell when the last chunk and its trailers have passed.
    """

    __slots__ = ("_buffer", "_left", "_trailer_size", "done", "rest")

    # `_left` is the number of bytes left of the current chunk; these are the places between chunks.
    _SIZE, _END, _TRAILER = -1, -2, -3

    def __init__(self) -> None:
        self._buffer = b""
        self._left = self._SIZE
        self._trailer_size = 0
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """Raises UpstreamProtocolError."""
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        pieces: list[bytes] = []
        position, size = 0, len(data)
        while position < size:
            if self._left > 0:
                piece = data[position : position + self._left]
                pieces.append(piece)
                position += len(piece)
                self._left -= len(piece)
                if self._left == 0:
                    self._left = self._END
                continue
            end = data.find(b"\n", position)
            if end < 0:
                # The cut must not decide: what is refused in pieces is what would be refused as a whole.
                cap = _TRAILER_CAP if self._left == self._TRAILER else _CHUNK_LINE_CAP
                if size - position > cap + len(b"\r"):
                    raise UpstreamProtocolError("A line between the chunks of the upstream's answer is too long.")
                self._buffer = data[position:]
                break
            self._line(data[position:end].removesuffix(b"\r"))
            position = end + 1
            if self.done:
                self.rest = data[position:]
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _line(self, line: bytes) -> None:
        if self._left == self._SIZE:
            match = _HEX_SIZE.fullmatch(line)
            if match is None or len(line) > _CHUNK_LINE_CAP:
                raise UpstreamProtocolError("A chunk's size in the upstream's answer is malformed.")
            self._left = int(match[1], 16) or self._TRAILER
        elif self._left == self._END:
            if line:
                raise UpstreamProtocolError("A chunk in the upstream's answer is longer than its size.")
            self._left = self._SIZE
        elif line:
            self._trailer_size += len(line)
            if self._trailer_size > _TRAILER_CAP or not is_legal_value(line):
                raise UpstreamProtocolError("The trailers of the upstream's answer are malformed or too long.")
        else:
            self.done = True
