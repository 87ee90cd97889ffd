"""How one request reads in the log: JSON with OpenTelemetry's names, or a line for people.

Put together from prepared pieces, because it is made for every request. Of a target only the path is shown, cut to a
length; no query, no field, no content. What must not live here: whether a line is written (`request_log`).
"""

import json
import logging
import time
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii as quoted
from typing import NamedTuple, Protocol

from proxy.errors import OutriderError
from proxy.message import Exchange
from proxy.observe.printable import printable
from proxy.observe.tally import METHODS

__all__ = ["Ended", "JsonLine", "Peer", "RequestLine", "TextLine", "Values"]

_LONGEST_PATH = 1024
_PREPARED = 1024
_NUMBERS = {logging.INFO: 9, logging.WARNING: 13}


class Peer(NamedTuple):
    """An upstream: its host, and its port."""

    address: str
    port: int


Values = tuple[
    float, int, str, str, int, float, int, int, bytes, str, OutriderError | None, bool, int | None, float,
    Exchange | None,
]  # fmt: skip
"""Those of `Ended` without their names: with them it would take three times as long to take them at a request's end."""


class Ended(NamedTuple):
    """A request that has ended. `at` is wall time, `level` logging's, sizes are bytes of content; `target` is as the
    caller wrote it, `status` what the caller got, `upstream` empty for a request that met none.

    `cut` tells that the caller left in the middle of its answer. `attempts` is None for a request that no call was to
    be made for, `upstream_seconds` 0 where no upstream answered. `exchange` is there only where it has more to tell,
    because all that it holds lives as long.
    """

    at: float
    level: int
    method: str
    target: str
    status: int
    seconds: float
    received: int
    sent: int
    request_id: bytes
    upstream: str = ""
    error: OutriderError | None = None
    cut: bool = False
    attempts: int | None = None
    upstream_seconds: float = 0.0
    exchange: Exchange | None = None


class RequestLine(Protocol):
    """Makes the line of one request."""

    def __call__(self, ended: Values, /) -> str: ...


def _path(target: str) -> str:
    """Of anything but a path only that it was there: an absolute target may hold a password."""
    path = target.partition("?")[0]
    if path[:1] != "/":
        return "*" if path == "*" else ""
    return path if len(path) <= _LONGEST_PATH else path[:_LONGEST_PATH] + "..."


class _Dated:
    """The time of a line; the part down to the second is made once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._date = ""

    def _turn(self, second: int) -> None:
        self._second = second
        self._date = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))


class JsonLine(_Dated):
    """`peers` are the upstreams by name."""

    def __init__(self, peers: Mapping[str, Peer]) -> None:
        super().__init__()
        self._peers = peers
        self._prepared: dict[tuple[str, str, int], str] = {}

    def __call__(self, ended: Values) -> str:
        (
            at, level, method, target, status, seconds, received, sent, request_id, upstream,
            error, cut, attempts, upstream_seconds, exchange,
        ) = ended  # fmt: skip
        second = int(at)
        if second != self._second:
            self._turn(second)
        if error is not None:
            fixed = self._fixed(level, method, status, upstream, error)
        else:
            known = self._prepared.get((upstream, method, status))
            fixed = known if known is not None else self._prepare(level, method, status, upstream)
        # The end first, and then one expression: each piece that is put behind a line would copy all of it.
        end = "}\n" if exchange is None else _more(exchange)
        if cut:
            end = ',"outrider.cut":true' + end
        if upstream_seconds:
            end = f',"outrider.duration.upstream":{upstream_seconds:.6f}{end}'
        if attempts is not None:
            end = f',"outrider.attempts":{attempts}{end}'
        return (
            f'{{"timestamp":"{self._date}{int((at - second) * 1000):03d}Z",{fixed},"url.path":{quoted(_path(target))},'
            f'"outrider.request_id":"{request_id.decode("latin-1")}","outrider.duration.total":{seconds:.6f},'
            f'"http.request.body.size":{received},"http.response.body.size":{sent}{end}'
        )

    def _prepare(self, level: int, method: str, status: int, upstream: str) -> str:
        if len(self._prepared) >= _PREPARED:
            self._prepared.clear()
        fixed = self._prepared[upstream, method, status] = self._fixed(level, method, status, upstream, None)
        return fixed

    def _fixed(self, level: int, method: str, status: int, upstream: str, error: OutriderError | None) -> str:
        known = method if method in METHODS else "_OTHER"
        parts: dict[str, object] = {
            "severity_text": logging.getLevelName(level),
            "severity_number": _NUMBERS[level],
            "body": f"{known} {status}" if error is None else f"{error.code} at {error.stage}: {error.detail}",
            "event.name": "request.completed" if error is None else "request.failed",
            "http.request.method": known,
            "http.response.status_code": status,
        }
        if error is not None:
            parts |= {"error.type": error.code, "outrider.stage": error.stage}
        if upstream in self._peers:
            peer = self._peers[upstream]
            parts |= {"server.address": peer.address, "server.port": peer.port, "outrider.upstream": upstream}
        return json.dumps(parts, separators=(",", ":"))[1:-1]


def _more(exchange: Exchange) -> str:
    parts: dict[str, object] = {}
    if exchange.trace is not None:
        parts |= {"trace_id": exchange.trace.trace_id, "span_id": exchange.trace.span_id}
    if exchange.queued:
        parts["outrider.duration.queued"] = round(exchange.queued, 6)
    if exchange.auth_wait:
        parts["outrider.duration.auth"] = round(exchange.auth_wait, 6)
    if exchange.caller:
        parts["outrider.caller"] = exchange.caller
    parts |= {f"outrider.{mark}": True for mark in _marks(exchange)}
    return "," + json.dumps(parts, separators=(",", ":"))[1:] + "\n"


class TextLine(_Dated):
    """A line for people: when, how bad, what was asked and answered, how long it took; then the rest by name."""

    def __call__(self, ended: Values) -> str:
        return self._of(Ended._make(ended))

    def _of(self, ended: Ended) -> str:
        second = int(ended.at)
        if second != self._second:
            self._turn(second)
        known = ended.method if ended.method in METHODS else "OTHER"
        word = "info   " if ended.level == logging.INFO else "warning"
        line = (
            f"{self._date}{int((ended.at - second) * 1000):03d}Z {word} {known} {printable(_path(ended.target))} "
            f"{ended.status} {ended.seconds * 1000:.1f} ms"
        )
        if ended.error is not None:
            line += f" {ended.error.code} at {ended.error.stage}: {printable(ended.error.detail)}"
        if ended.upstream:
            line += f" upstream={ended.upstream}"
        line += f" id={ended.request_id.decode('latin-1')} in={ended.received} out={ended.sent}"
        return line + "".join(f" {note}" for note in _notes(ended)) + "\n"


def _notes(ended: Ended) -> list[str]:
    notes = ["cut"] if ended.cut else []
    notes += [f"attempts={ended.attempts}"] if ended.attempts not in (None, 1) else []
    exchange = ended.exchange
    waits = {} if exchange is None else {"queued": exchange.queued, "auth": exchange.auth_wait}
    waits["first_byte"] = ended.upstream_seconds
    notes += [f"{name}={seconds * 1000:.1f}ms" for name, seconds in waits.items() if seconds]
    if exchange is not None:
        notes += [f"caller={printable(exchange.caller)}"] if exchange.caller else []
        notes += _marks(exchange)
    return notes


def _marks(exchange: Exchange) -> list[str]:
    return [mark for mark in ("refreshed", "coalesced", "hedged") if getattr(exchange, mark)]
