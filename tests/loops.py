"""The loops that the daemon may run on, for the folders whose tests run on each of them."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

__all__ = ["pytest_asyncio_loop_factories"]


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    try:
        import uvloop
    except ImportError:
        return factories
    return factories | {"uvloop": uvloop.new_event_loop}
