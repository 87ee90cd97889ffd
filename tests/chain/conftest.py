import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from proxy.observe.tally import Tallies
from proxy.pipeline import Pipeline
from tests.config.loading import config


@pytest.fixture
async def pipeline() -> AsyncIterator[Callable[[str], Pipeline]]:
    """`pipeline(text)` builds the chains of a file; nothing is connected."""
    async with contextlib.AsyncExitStack() as running:

        def build(text: str) -> Pipeline:
            loaded = config(text)
            built = Pipeline(loaded, Path(), {}, Tallies(loaded.upstreams), asyncio.get_running_loop())
            running.push_async_callback(built.close)
            return built

        yield build
