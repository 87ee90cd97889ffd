"""What the process writes to its log, for the length of a test."""

import contextlib
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

from proxy.observe.log import LOGGER, configure, current_sink

__all__ = ["CapturedLog", "captured_log"]


class CapturedLog:
    """Everything that is written after it was made."""

    def __init__(self, level: str, style: Any) -> None:
        self._stream = io.StringIO()
        configure(level, style, self._stream)

    @property
    def text(self) -> str:
        sink = current_sink()
        assert sink is not None
        sink.stop()
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line.get("event.name") in ("request.completed", "request.failed")]


@contextlib.contextmanager
def captured_log() -> Iterator[Callable[..., CapturedLog]]:
    root, ours, raises = logging.getLogger(), logging.getLogger(LOGGER), logging.raiseExceptions
    before = root.handlers[:], root.level, ours.level

    def begin(level: str = "info", style: str = "json") -> CapturedLog:
        return CapturedLog(level, style)

    try:
        yield begin
    finally:
        for handler in root.handlers:
            if handler not in before[0]:
                handler.close()
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        ours.setLevel(before[2])
        logging.raiseExceptions = raises
