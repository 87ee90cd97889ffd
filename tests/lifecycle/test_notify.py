import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.lifecycle.notify import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(5)
        yield sock


def told(manager: socket.socket) -> dict[str, str]:
    return dict(line.split("=", 1) for line in manager.recv(4096).decode().splitlines())


def test_the_manager_is_told_of_each_step_with_a_status(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    notifier.ready("ready\nfor two")
    assert told(manager) == {"READY": "1", "STATUS": "ready for two"}
    before = time.monotonic_ns() // 1000
    notifier.reloading()
    said = told(manager)
    assert said["RELOADING"] == "1"
    assert before <= int(said["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    notifier.stopping("draining")
    assert told(manager) == {"STOPPING": "1", "STATUS": "draining"}


def test_an_abstract_socket_is_reached() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0outrider-test-{time.monotonic_ns()}")
        sock.settimeout(5)
        Notifier({"NOTIFY_SOCKET": "@" + sock.getsockname()[1:].decode()}).ready("here")
        assert told(sock)["STATUS"] == "here"


async def test_the_watchdog_is_patted_at_half_of_its_time_and_not_after_the_end(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "40000"})
    loop = asyncio.get_running_loop()
    notifier.watch(loop)
    manager.setblocking(False)
    async with asyncio.timeout(5):
        for _ in range(3):
            assert await loop.sock_recv(manager, 100) == b"WATCHDOG=1"
    notifier.close()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await loop.sock_recv(manager, 100)


async def test_a_loop_that_hangs_does_not_pat_the_watchdog(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "20000"})
    notifier.watch(asyncio.get_running_loop())
    assert manager.recv(100) == b"WATCHDOG=1"
    manager.settimeout(0.1)  # nothing awaits here, so the loop stands still
    with pytest.raises(TimeoutError):
        manager.recv(100)
    notifier.close()


@pytest.mark.parametrize("environ", [{}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}])
async def test_nobody_is_patted_who_does_not_wait_for_this_process(manager: socket.socket, environ) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname(), **environ})
    notifier.watch(asyncio.get_running_loop())
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(100)


def test_a_manager_that_is_gone_stops_no_daemon(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready("ready")
    Notifier({}).ready("ready")
