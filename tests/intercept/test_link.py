import asyncio
import logging
import time

import pytest

from proxy.intercept import Request
from proxy.intercept.link import Link
from proxy.observe.log import LOGGER
from tests.intercept.made import Inside, chain, exchange


class Sleeper:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def on_request(self, request: Request) -> None:
        time.sleep(self.seconds)


def blocks(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if getattr(record, "event", "") == "interceptor.blocks"]


async def test_a_method_that_blocks_the_loop_is_told_of_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    stage = chain(Inside(), Sleeper(0.11))
    with caplog.at_level(logging.WARNING, LOGGER):
        for _ in range(2):
            await stage.send(exchange())
    (line,) = blocks(caplog)
    assert "the interceptor a held up every request for 0.1" in line
    assert "in on_request" in line


async def test_a_method_that_does_not_is_not(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, LOGGER):
        await chain(Inside(), Sleeper(0.0)).send(exchange())
    assert blocks(caplog) == []


class Closing:
    def __init__(self) -> None:
        self.closed = 0

    def on_request(self, request: Request) -> None:
        return None

    def close(self) -> None:
        self.closed += 1
        if self.closed > 1:
            raise ValueError("canary")


async def test_close_is_called_and_what_it_does_wrong_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    instance = Closing()
    link = Link("a", instance, 1000, 5.0)
    await link.close()
    with caplog.at_level(logging.ERROR, LOGGER):
        await link.close()
    assert instance.closed == 2
    assert "the interceptor a failed in close" in caplog.text


class Hanging:
    def on_request(self, request: Request) -> None:
        return None

    async def close(self) -> None:
        await asyncio.Event().wait()


async def test_a_close_that_hangs_is_left_after_its_time(caplog: pytest.LogCaptureFixture) -> None:
    async with asyncio.timeout(2):
        await Link("a", Hanging(), 1000, 0.01).close()
    assert "the interceptor a failed in close" in caplog.text


async def test_an_interceptor_without_close_needs_none() -> None:
    await Link("a", Sleeper(0.0), 1000, 5.0).close()
