"""Fixtures of the tests of credentials: a clock, and sources with their real caller of token endpoints."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from proxy.auth import CredentialSource, Means, MemoryStore, SessionStore, build_source
from proxy.clock import CoarseTimer
from proxy.upstream.fetch import Fetcher
from tests.auth.tools import FakeClock, Open, means, profile
from tests.peers.token_server import TokenServer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def server() -> AsyncIterator[TokenServer]:
    async with TokenServer() as running:
        yield running


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    loop = asyncio.get_running_loop()
    timer = CoarseTimer(loop, 0.02)
    made = Fetcher(timer, loop)
    yield made
    await made.close()
    timer.close()


@pytest.fixture
def wall() -> FakeClock:
    return FakeClock(1_700_000_000.0)


@pytest.fixture
async def open_(tmp_path: Path, clock: FakeClock, wall: FakeClock, fetcher: Fetcher) -> AsyncIterator[Open]:
    """`open_(options, store)` builds a source; all are closed after the test."""
    opened: list[CredentialSource] = []

    def build(written: dict[str, Any], store: SessionStore | None = None, fetch: Any = None) -> CredentialSource:
        given: Means = means(
            tmp_path,
            clock,
            fetch=fetch or fetcher,
            secured=lambda tls: fetcher.over(tls, tmp_path),
            wall=wall,
            store=store or MemoryStore(),
        )
        source = build_source("p", profile(**written), given)
        assert source is not None
        opened.append(source)
        return source

    yield build
    for source in opened:
        await source.close()
