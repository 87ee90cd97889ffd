"""An Outrider whose request log goes on and off while it works: `switched SETTINGS FILE`.

FILE gets CPU µs per request, off and on, pair by pair, when it is told to end. What must not live here: the load.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from proxy.cli import main
from proxy.observe.log import current_sink
from proxy.pipeline import Pipeline

__all__ = ["Pair"]

_SECONDS = 0.05
_LEAST = 50
"""Requests in one half of a pair that say something."""


class Pair(NamedTuple):
    """CPU µs per request."""

    off: float
    on: float


class _Switch:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        sink = current_sink()
        assert sink is not None
        self._log = pipeline.request_log
        self._sink = sink
        self.pairs: list[Pair] = []

    async def go_on(self) -> None:
        while True:
            off, on = await self._half(on=False), await self._half(on=True)
            if off and on:
                self.pairs.append(Pair(off, on))

    async def _half(self, *, on: bool) -> float:
        """0 where there were too few requests to tell."""
        self._pipeline.request_log = self._log if on else None
        requests, spent = self._requests(), time.process_time()
        await asyncio.sleep(_SECONDS)
        # What was gathered belongs to the requests of this half.
        self._sink.flush()
        spent, requests = time.process_time() - spent, self._requests() - requests
        return spent / requests * 1e6 if requests >= _LEAST else 0.0

    def _requests(self) -> int:
        return sum(sum(tally.buckets) for _, tally in self._pipeline.tallies)


def _run(settings: str, file: Path) -> int:
    switches: list[_Switch] = []
    tasks: list[asyncio.Task[None]] = []
    start = Pipeline.start

    async def start_switching(pipeline: Pipeline) -> dict[str, str]:
        switches.append(_Switch(pipeline))
        tasks.append(asyncio.get_running_loop().create_task(switches[0].go_on()))
        return await start(pipeline)

    with mock.patch.object(Pipeline, "start", start_switching):
        status = main(["run", "-c", settings])
    file.write_text(json.dumps(switches[0].pairs))
    return status


if __name__ == "__main__":
    sys.exit(_run(sys.argv[1], Path(sys.argv[2])))
