"""Log lines: events with attributes, as text for a terminal or as JSON with the keys of OpenTelemetry's log model.

Nothing that a caller or an upstream sent may stand in a line: no query, no field value, no content, and no message of
an exception that is not our own, because other libraries put such things into theirs. A record of another library is
reduced to its template for the same reason. What must not live here: which events exist.
"""

import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal, TextIO

from proxy.errors import OutriderError
from proxy.observe.printable import printable
from proxy.observe.sink import Sink

__all__ = [
    "LEVELS",
    "LOGGER",
    "JsonFormatter",
    "TextFormatter",
    "configure",
    "current_sink",
    "event",
    "level_name",
    "set_format",
    "set_level",
    "trace",
    "writes_text",
]

Style = Literal["auto", "text", "json"]

LOGGER = "outrider"
"""Name of the logger that all of Outrider writes to."""

_OWN, _HEADS = "outrider.", "outrider.wire.fields"

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
"""The levels by the names that they have in the configuration."""


def configure(level: str, style: Style, stream: TextIO | None = None) -> logging.Logger:
    """Set the process's log up, other libraries' warnings included. `auto` is text on a terminal and else JSON."""
    stream = sys.stderr if stream is None else stream
    root = logging.getLogger()
    if (earlier := _sink_handler()) is not None:
        earlier.close()
    root.handlers[:] = [_SinkHandler(stream, _formatter(style, stream))]
    root.setLevel(logging.WARNING)
    # A log that cannot be written must not fill standard error with tracebacks of its own.
    logging.raiseExceptions = False
    set_level(level)
    return logging.getLogger(LOGGER)


def set_format(style: Style) -> None:
    """Change how lines are written, from now on; where this process writes a log at all."""
    if (handler := _sink_handler()) is not None:
        handler.setFormatter(_formatter(style, handler.stream))


def _formatter(style: Style, stream: TextIO) -> logging.Formatter:
    return TextFormatter() if style == "text" or (style == "auto" and stream.isatty()) else JsonFormatter()


def set_level(level: str) -> None:
    """Change the least level that is written, from now on. Raises KeyError for a name that is none of `LEVELS`."""
    logging.getLogger(LOGGER).setLevel(LEVELS[level])


def level_name() -> str:
    """The least level that is written, by its name."""
    return logging.getLevelName(logging.getLogger(LOGGER).getEffectiveLevel()).lower()


class _SinkHandler(logging.Handler):
    """Writes records to a sink, which others that write lines use too."""

    def __init__(self, stream: TextIO, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.stream = stream
        self.sink = Sink(stream, self._lost, self._broken)

    def emit(self, record: logging.LogRecord) -> None:
        self.sink.say(self.format(record) + "\n")

    def flush(self) -> None:
        self.sink.flush()

    def close(self) -> None:
        self.sink.stop()
        super().close()

    def _lost(self, lines: int) -> str:
        message = f"{lines} log lines were left out, because they were not taken off fast enough"
        record = logging.LogRecord(LOGGER, logging.WARNING, "", 0, message, None, None)
        record.__dict__["event"] = "log.lost"
        return self.format(record) + "\n"

    def _broken(self, error: Exception) -> str:
        message, found = "a line of the log could not be made", (type(error), error, error.__traceback__)
        record = logging.LogRecord(LOGGER, logging.ERROR, "", 0, message, None, found)
        record.__dict__["event"] = "internal.error"
        return self.format(record) + "\n"


def _sink_handler() -> _SinkHandler | None:
    return next((handler for handler in logging.getLogger().handlers if isinstance(handler, _SinkHandler)), None)


def current_sink() -> Sink | None:
    """Where this process writes its log; None before `configure`."""
    handler = _sink_handler()
    return None if handler is None else handler.sink


def writes_text() -> bool:
    """Whether lines are for people."""
    handler = _sink_handler()
    return handler is not None and isinstance(handler.formatter, TextFormatter)


def event(
    logger: logging.Logger,
    level: int,
    name: str,
    message: str,
    /,
    *,
    error: BaseException | None = None,
    **attributes: object,
) -> None:
    """Write the event `name` (dotted words). Attribute names take `.` for `__`: `server__port` is `server.port`.

    A name of one word is Outrider's own, and is written as the same thing is in the lines of requests and in spans.
    """
    if logger.isEnabledFor(level):
        extra = {"event": name, "attributes": {_named(key): value for key, value in attributes.items()}}
        logger.log(level, "%s", message, exc_info=error, extra=extra)


def _named(key: str) -> str:
    return key.replace("__", ".") if "__" in key else f"{_OWN}{key}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "timestamp": _time(record),
            "severity_text": record.levelname,
            "severity_number": _severity(record.levelno),
            "body": _body(record),
            **_attributes(record),
        }
        if error := _error(record):
            line["exception.type"] = type(error).__qualname__
            line["exception.stacktrace"] = "\n".join(trace(error))
        return json.dumps(line, default=str, ensure_ascii=True)


class TextFormatter(logging.Formatter):
    """A line for people: time, level, message, attributes; heads and a stack trace are indented below it."""

    def format(self, record: logging.LogRecord) -> str:
        parts = [_time(record), record.levelname.lower().ljust(7), printable(_body(record))]
        attributes = _attributes(record)
        heads = attributes.pop(_HEADS, ())
        shown = {key.removeprefix(_OWN): _shown(value) for key, value in attributes.items() if key != "event.name"}
        parts += [f"{key}={printable(value)}" for key, value in shown.items()]
        lines = [" ".join(parts)]
        if isinstance(heads, Sequence):
            lines += [f"    {printable(str(line))}" for line in heads]
        if error := _error(record):
            lines += [f"    {line}" for line in trace(error)]
        return "\n".join(lines)


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _severity(level: int) -> int:
    """OpenTelemetry's number: DEBUG 5, INFO 9, WARN 13, ERROR 17, FATAL 21."""
    return max(1, min(21, level // 10 * 4 + 1))


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == LOGGER or record.name.startswith(f"{LOGGER}.")


def _body(record: logging.LogRecord) -> str:
    return record.getMessage() if _is_ours(record) else str(record.msg)


def _attributes(record: logging.LogRecord) -> dict[str, object]:
    if not _is_ours(record):
        return {"logger.name": record.name}
    name = getattr(record, "event", None)
    named: dict[str, object] = {} if name is None else {"event.name": name}
    attributes: dict[str, object] = getattr(record, "attributes", {})
    return named | attributes


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def trace(error: BaseException) -> Iterator[str]:
    """The chain of exceptions, innermost cause first; each by its type and places."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    for link in reversed(chain):
        for frame in traceback.extract_tb(link.__traceback__):
            yield f"{frame.filename}:{frame.lineno} in {frame.name}: {frame.line}"
        yield f"{type(link).__module__}.{type(link).__qualname__}{_detail(link)}"


def _detail(error: BaseException) -> str:
    """What is known to be free of what others sent."""
    if isinstance(error, OutriderError):
        return f": {error.detail}"
    if isinstance(error, OSError) and type(error.errno) is int:
        return f": [{error.errno}] {_words(error, error.errno)}"
    return ""


def _words(error: OSError, number: int) -> str:
    """The system's, and not those that whoever raised the error gave it."""
    import socket
    import ssl

    if isinstance(error, ssl.SSLError):
        return getattr(error, "reason", None) or "TLS"
    return "no address" if isinstance(error, socket.gaierror) else os.strerror(number)
