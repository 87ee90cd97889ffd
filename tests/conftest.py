"""Fixtures that every test may use: a real Outrider, and real upstreams that we did not write."""

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.peers.captured import CapturedLog, captured_log
from tests.peers.httpbin import httpbin_missing, running_httpbin
from tests.peers.nginx import nginx_missing, running_nginx
from tests.peers.oidc_provider import OidcProvider, oidc_missing, running_oidc
from tests.peers.podman import KNOWN, containers_impossible, podman_missing
from tests.peers.running import Outrider, OutriderProcess
from tests.ports import free_port

# For generated cases: a busy machine is no fault.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

LONG = os.environ.get("OUTRIDER_TEST_LONG") == "1"
NEED_CONTAINERS = [Path(__file__).parent / "deploy" / name for name in ("test_compose_up.py", "test_image_run.py")]


def pytest_configure(config: pytest.Config) -> None:
    """Before there are worker processes, which take over what is found out here."""
    asked = [Path(word.partition("::")[0]).resolve() for word in config.args]
    if any(file.is_relative_to(place) for file in NEED_CONTAINERS for place in asked):
        _no_containers()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """What a machine lets nobody do is no test on it; what is only not installed is a skipped one."""
    return True if collection_path in NEED_CONTAINERS and _no_containers() else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Not in the header, which a quiet run does not print."""
    if why := os.environ.get(KNOWN):
        terminalreporter.write_line(f"Neither the compose example nor the image is run in containers here: {why[:300]}")


def _no_containers() -> str | None:
    return None if podman_missing() else containers_impossible()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    from tests.together import Together  # where pytest-xdist is not installed, nobody asks for this

    return Together(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.fixture
def scale() -> Callable[[int, int], int]:
    """`scale(usual, long)`: how many tries a test makes; `OUTRIDER_TEST_LONG=1` asks for the long run."""
    return lambda usual, long: long if LONG else usual


@pytest.fixture
async def outrider() -> AsyncIterator[Callable[..., Awaitable[Outrider]]]:
    """`await outrider(config)` starts a daemon in this loop on free ports; it is stopped after the test."""
    async with contextlib.AsyncExitStack() as running:

        async def start(config: dict[str, Any] | str, environ: dict[str, str] | None = None) -> Outrider:
            started = await Outrider.start(config, environ)
            running.push_async_callback(started.stop)
            return started

        yield start


@pytest.fixture
async def outrider_process(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[OutriderProcess]]]:
    """`await outrider_process(config)` starts `outrider run` as a process, with these `files` beside its own."""
    async with contextlib.AsyncExitStack() as running:

        async def start(config: dict[str, Any], files: Mapping[str, str] | None = None) -> OutriderProcess:
            folder = tmp_path / f"outrider-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            for name, text in (files or {}).items():
                (folder / name).write_text(text)
            started = await OutriderProcess.start(config, folder, _free_ports())
            running.push_async_callback(started.stop)
            return started

        yield start


def _free_ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture
def captured() -> Iterator[Callable[..., CapturedLog]]:
    """`captured()` sets the process's log up, and shows what it writes; everything is as before after the test."""
    with captured_log() as begin:
        yield begin


@pytest.fixture(scope="session")
def httpbin() -> Iterator[str]:
    """Base URL of a real httpbin."""
    if reason := httpbin_missing():
        pytest.skip(reason)
    with running_httpbin() as url:
        yield url


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Base URL of a real nginx, and the folder that it serves."""
    if reason := nginx_missing():
        pytest.skip(reason)
    with running_nginx(tmp_path_factory.mktemp("nginx")) as running:
        yield running


@pytest.fixture(scope="session")
def oidc() -> Iterator[OidcProvider]:
    """A real OpenID provider; register a client of your own with `oidc.client()`."""
    if reason := oidc_missing():
        pytest.skip(reason)
    with running_oidc() as provider:
        yield provider


@pytest.fixture(scope="session")
def oidc_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    """The same over TLS, asking for client certificates."""
    if reason := oidc_missing():
        pytest.skip(reason)
    with running_oidc(tmp_path_factory.mktemp("oidc")) as provider:
        yield provider
