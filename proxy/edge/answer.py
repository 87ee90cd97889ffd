"""Writes answer heads as bytes.

What must not live here: sockets, what an answer means.
"""

from http import HTTPStatus

from proxy.message import Response

__all__ = ["local_head", "relayed_head"]

_STATUS_LINES: dict[tuple[int, bytes], bytes] = {}
_VIA = b"Via: 1.1 outrider\r\nOutrider-Request-Id: "
_CLOSE = b"\r\nConnection: close\r\n\r\n"
_KEEP = b"\r\n\r\n"
_KEEP_10 = b"\r\nConnection: keep-alive\r\n\r\n"


def _status_line(status: int, reason: bytes) -> bytes:
    line = _STATUS_LINES.get((status, reason))
    if line is None:
        if len(_STATUS_LINES) >= 256:
            _STATUS_LINES.clear()
        line = _STATUS_LINES[status, reason] = b"HTTP/1.1 %d %b\r\n" % (status, reason)
    return line


def _end(keep_alive: bool, old: bool) -> bytes:
    if not keep_alive:
        return _CLOSE
    return _KEEP_10 if old else _KEEP


def relayed_head(response: Response, framing: bytes, request_id: bytes, keep_alive: bool, old: bool) -> bytes:
    """The head of an upstream's response. `framing` is lines, each begun by CRLF; `old` means HTTP/1.0."""
    start = _status_line(response.status, response.reason)
    fields = b"\r\n".join((*response.lines, _VIA))
    return b"".join((start, fields, request_id, framing, _end(keep_alive, old)))


def local_head(
    status: int, lines: list[bytes], length: int | None, request_id: bytes, keep_alive: bool, old: bool
) -> bytes:
    """The head of an answer that Outrider makes itself."""
    fields = [*lines, b"Outrider-Request-Id: " + request_id]
    if length is not None:
        fields.append(b"Content-Length: %d" % length)
    start = _status_line(status, HTTPStatus(status).phrase.encode())
    return start + b"\r\n".join(fields) + _end(keep_alive, old)
