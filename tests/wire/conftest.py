"""The wire tests run on the loop that the daemon runs on; those of sessions have a token server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from tests.peers.token_server import TokenServer


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    try:
        import uvloop
    except ImportError:
        return {"asyncio": asyncio.new_event_loop}
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def server() -> AsyncIterator[TokenServer]:
    async with TokenServer() as running:
        yield running
