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

__all__ = ["JsonLine", "Peer", "RequestLine", "TextLine"]

_LONGEST_PATH = 1024
_PREPARED = 1024
_NUMBERS = {logging.INFO: 9, logging.WARNING: 13}


class Peer(NamedTuple):
    """An upstream: its host, and its port."""

    address: str
    port: int


class RequestLine(Protocol):
    """Makes the line of one request."""

    def __call__(
        self,
        now: float,
        level: int,
        method: str,
        target: str,
        status: int,
        seconds: float,
        received: int,
        sent: int,
        request_id: bytes,
        upstream: str,
        exchange: Exchange | None,
        error: OutriderError | None,
        cut: bool = False,
    ) -> str:
        """`now` is wall time. `upstream` is empty for a request that met none; `cut` tells that the caller left in the
        middle of its answer.
        """


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

    def __call__(
        self,
        now: float,
        level: int,
        method: str,
        target: str,
        status: int,
        seconds: float,
        received: int,
        sent: int,
        request_id: bytes,
        upstream: str,
        exchange: Exchange | None,
        error: OutriderError | None,
        cut: bool = False,
    ) -> str:
        second = int(now)
        if second != self._second:
            self._turn(second)
        if error is not None:
            fixed = self._fixed(level, method, status, upstream, error)
        else:
            known = self._prepared.get((upstream, method, status))
            fixed = known if known is not None else self._prepare(level, method, status, upstream)
        line = (
            f'{{"timestamp":"{self._date}{int((now - second) * 1000):03d}Z",{fixed},"url.path":{quoted(_path(target))},'
            f'"outrider.request_id":"{request_id.decode("latin-1")}","outrider.duration.total":{seconds:.6f},'
            f'"http.request.body.size":{received},"http.response.body.size":{sent}'
        )
        if cut:
            line += ',"outrider.cut":true'
        if exchange is None:
            return line + "}\n"
        line += f',"outrider.attempts":{exchange.attempts}'
        if exchange.first_byte:
            line += f',"outrider.duration.upstream":{exchange.first_byte:.6f}'
        if exchange.queued or exchange.auth_wait or exchange.caller or exchange.trace or _marked(exchange):
            line += _more(exchange)
        return line + "}\n"

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


def _marked(exchange: Exchange) -> bool:
    return exchange.refreshed or exchange.coalesced or exchange.hedged


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
    parts |= {f"outrider.{mark}": True for mark in ("refreshed", "coalesced", "hedged") if getattr(exchange, mark)}
    return "," + json.dumps(parts, separators=(",", ":"))[1:-1] if parts else ""


class TextLine(_Dated):
    """A line for people: when, how bad, what was asked and answered, how long it took; then the rest by name."""

    def __call__(
        self,
        now: float,
        level: int,
        method: str,
        target: str,
        status: int,
        seconds: float,
        received: int,
        sent: int,
        request_id: bytes,
        upstream: str,
        exchange: Exchange | None,
        error: OutriderError | None,
        cut: bool = False,
    ) -> str:
        second = int(now)
        if second != self._second:
            self._turn(second)
        known = method if method in METHODS else "OTHER"
        word = "info   " if level == logging.INFO else "warning"
        line = (
            f"{self._date}{int((now - second) * 1000):03d}Z {word} {known} {printable(_path(target))} {status} "
            f"{seconds * 1000:.1f} ms"
        )
        if error is not None:
            line += f" {error.code} at {error.stage}: {printable(error.detail)}"
        if upstream:
            line += f" upstream={upstream}"
        line += f" id={request_id.decode('latin-1')} in={received} out={sent}"
        if cut:
            line += " cut"
        if exchange is not None:
            line += "".join(f" {name}" for name in _notes(exchange))
        return line + "\n"


def _notes(exchange: Exchange) -> list[str]:
    notes = [f"attempts={exchange.attempts}"] if exchange.attempts != 1 else []
    waits = {"queued": exchange.queued, "auth": exchange.auth_wait, "first_byte": exchange.first_byte}
    notes += [f"{name}={seconds * 1000:.1f}ms" for name, seconds in waits.items() if seconds]
    notes += [f"caller={printable(exchange.caller)}"] if exchange.caller else []
    return notes + [mark for mark in ("refreshed", "coalesced", "hedged") if getattr(exchange, mark)]
