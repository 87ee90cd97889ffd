import asyncio
import gc
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from proxy.observe.uncaught import crash_report, log_uncaught
from tests.peers.captured import CapturedLog

Captured = Callable[..., CapturedLog]


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = threading.excepthook, sys.unraisablehook
    yield
    threading.excepthook, sys.unraisablehook = before


def said(log: CapturedLog) -> tuple[str, str]:
    """The kind of exception and the message of the only line; what was raised said "canary"."""
    (line,) = log.lines
    assert (line["event.name"], line["severity_text"]) == ("internal.error", "ERROR")
    assert "a-canary" not in log.text
    return line.get("exception.type", ""), line["body"]


async def fails() -> None:
    raise ValueError("a-" + "canary")


async def test_what_a_task_raised_that_nobody_awaited_is_logged_without_its_message(captured: Captured) -> None:
    log = captured()
    log_uncaught(asyncio.get_running_loop())
    task = asyncio.create_task(fails())
    await asyncio.wait([task])
    del task
    gc.collect()
    assert said(log) == ("ValueError", "an internal error that no request waited for")


async def test_the_loops_words_about_an_exception_are_not_logged(captured: Captured) -> None:
    log = captured()
    loop = asyncio.get_running_loop()
    log_uncaught(loop)
    loop.call_exception_handler(
        {"message": "Exception in callback f(b'a-canary')", "exception": RuntimeError("a-canary")}
    )
    assert said(log)[0] == "RuntimeError"


async def test_the_loops_words_are_logged_where_there_is_no_exception(captured: Captured) -> None:
    log = captured()
    loop = asyncio.get_running_loop()
    log_uncaught(loop)
    loop.call_exception_handler({"message": "Task was destroyed but it is pending!", "task": "a-canary"})
    assert said(log) == ("", "Task was destroyed but it is pending!")


async def test_what_ends_a_thread_is_logged_without_its_message(captured: Captured) -> None:
    log = captured()
    log_uncaught(asyncio.get_running_loop())
    thread = threading.Thread(target=asyncio.run, args=(fails(),))
    thread.start()
    thread.join()
    assert said(log)[0] == "ValueError"


async def test_what_an_objects_end_raises_is_logged_without_its_message(captured: Captured) -> None:
    class Ends:
        def __del__(self) -> None:
            raise ValueError("a-" + "canary")

    log = captured()
    log_uncaught(asyncio.get_running_loop())
    Ends()
    gc.collect()
    assert said(log)[0] == "ValueError"


def test_a_crash_is_reported_by_kinds_and_places_alone() -> None:
    try:
        try:
            raise KeyError("a" + "canary")
        except KeyError as inner:
            raise ValueError(str(inner) * 2) from inner
    except ValueError as error:
        report = crash_report(error)
    assert "acanary" not in report
    assert report.startswith("outrider: an internal error; please report it with these lines:\n")
    assert report.endswith("    builtins.ValueError\n")
    assert "builtins.KeyError" in report
    assert "test_uncaught.py:" in report
