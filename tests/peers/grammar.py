"""A small strict parser of HTTP/1.1 requests, written from RFC 9112 and independent of every parser that Outrider uses.

It judges bytes: what a caller sent, and what reached an upstream. It forgives nothing, so that whatever it accepts
means the same to every recipient. No I/O lives here.
"""

import re
from dataclasses import dataclass

__all__ = ["Head", "Judged", "Malformed", "Request", "judge", "parse_chunk_size", "parse_fields", "parse_head"]

Fields = tuple[tuple[bytes, bytes], ...]

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([!-\"$-~]+) HTTP/1\.([01])")
_TOLERATED_LINE = re.compile(rb"(" + _TOKEN + rb") +([!-\"$-~]+) +HTTP/1\.([0-9]) *")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*((?:[!-~\x80-\xff](?:[ \t!-~\x80-\xff]*[!-~\x80-\xff])?)?)[ \t]*")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t -~\x80-\xff]*)?")
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")


class Malformed(Exception):
    """The bytes are not acceptable HTTP; says why."""


@dataclass(frozen=True, slots=True)
class Head:
    """A request's line and fields, as they were written."""

    method: bytes
    target: bytes
    version: bytes
    fields: Fields

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name: bytes) -> bytes | None:
        return next(iter(self.all(name)), None)

    @property
    def chunked(self) -> bool:
        return bool(self.all(b"transfer-encoding"))

    @property
    def length(self) -> int:
        return int(self.get(b"content-length") or b"0")


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request: head, content with its framing undone, and trailers."""

    head: Head
    content: bytes
    trailers: Fields = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """What a stream of bytes holds: requests, what follows the last whole one, and the fault that ended the reading."""

    requests: tuple[Request, ...]
    rest: bytes
    fault: str | None


def parse_fields(lines: list[bytes]) -> Fields:
    """Raises Malformed for a line that is not exactly one field."""
    fields = []
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise Malformed(f"field line {line[:60]!r}")
        fields.append((match[1], match[2]))
    return tuple(fields)


def parse_head(data: bytes, *, as_server: bool = False) -> Head:
    """`data` is everything up to the empty line, without it."""
    first, *lines = data.split(b"\r\n")
    match = (_TOLERATED_LINE if as_server else _REQUEST_LINE).fullmatch(first)
    if match is None:
        raise Malformed(f"request line {first[:60]!r}")
    head = Head(match[1], match[2], match[3], parse_fields(lines))
    _check_target(head)
    _check_host(head)
    _check_framing(head)
    return head


def _check_target(head: Head) -> None:
    if not head.target.startswith(b"/") and (head.method, head.target) != (b"OPTIONS", b"*"):
        raise Malformed(f"target {head.target[:60]!r} is not in origin form")
    if head.method in (b"CONNECT", b"TRACE"):
        raise Malformed(f"method {head.method!r}")


def _check_host(head: Head) -> None:
    hosts = head.all(b"host")
    if len(hosts) > 1 or (not hosts and head.version != b"0"):
        raise Malformed(f"{len(hosts)} Host fields")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise Malformed(f"Host {hosts[0][:60]!r}")


def _check_framing(head: Head) -> None:
    lengths, codings = head.all(b"content-length"), head.all(b"transfer-encoding")
    if lengths and codings:
        raise Malformed("Content-Length with Transfer-Encoding")
    if len(lengths) > 1 or (lengths and not re.fullmatch(rb"[0-9]{1,18}", lengths[0])):
        raise Malformed(f"Content-Length {lengths!r}")
    if codings and ([coding.lower() for coding in codings] != [b"chunked"] or head.version == b"0"):
        raise Malformed(f"Transfer-Encoding {codings!r}")


def parse_chunk_size(line: bytes) -> int:
    match = _CHUNK.fullmatch(line)
    if match is None:
        raise Malformed(f"chunk size {line[:60]!r}")
    return int(match[1], 16)


class _Cursor:
    """Takes lines and counted bytes from a buffer; raises EOFError when there is not enough."""

    def __init__(self, data: bytes, *, as_server: bool) -> None:
        self.data = data
        self.at = 0
        self.as_server = as_server

    def until(self, end: bytes) -> bytes:
        stop = self.data.find(end, self.at)
        if stop < 0:
            raise EOFError
        found, self.at = self.data[self.at : stop], stop + len(end)
        return found

    def exactly(self, count: int) -> bytes:
        if len(self.data) < self.at + count:
            raise EOFError
        found, self.at = self.data[self.at : self.at + count], self.at + count
        return found

    def request(self) -> Request:
        head = parse_head(self.until(b"\r\n\r\n"), as_server=self.as_server)
        if not head.chunked:
            return Request(head, self.exactly(head.length))
        return self._chunked(head)

    def _chunked(self, head: Head) -> Request:
        pieces = []
        while size := parse_chunk_size(self.until(b"\r\n")):
            pieces.append(self.exactly(size))
            if self.exactly(2) != b"\r\n":
                raise Malformed("a chunk does not end where its size says")
        trailers = []
        while line := self.until(b"\r\n"):
            trailers.append(line)
        return Request(head, b"".join(pieces), parse_fields(trailers))


def judge(data: bytes, *, as_server: bool = False) -> Judged:
    """Read every request of one direction of a connection.

    `as_server` grants what a server may and what changes no framing (RFC 9112 §2.2, §2.3, §3): line ends before a
    request, more spaces in its first line, a minor version that is not known yet.
    """
    cursor, requests = _Cursor(data, as_server=as_server), []
    while True:
        while as_server and data[cursor.at : cursor.at + 1] in (b"\r", b"\n"):
            cursor.at += 1
        start = cursor.at
        try:
            requests.append(cursor.request())
        except EOFError:
            return Judged(tuple(requests), data[start:], None)
        except Malformed as fault:
            return Judged(tuple(requests), data[start:], str(fault))
