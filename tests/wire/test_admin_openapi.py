"""schemathesis judges the OpenAPI document: it calls every operation with what it allows and what it forbids."""

import asyncio
import importlib.util
import sys
from pathlib import Path

import pytest

from tests.peers.admin import Admin
from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import answers

_ENDLESS = "/events$"
_ENDING = "^/api/(drain|reload)$"
"""Operations that a peer which tries everything must not try: streams, and the end of the daemon."""

_NOT_OURS = "unsupported_method"
"""TRACE is refused as a message on every listener (400); `tests/admin/test_api.py` holds the other methods to 405."""


@pytest.fixture
async def running(outrider_process):
    async with RawUpstream(answers()) as upstream:
        yield await outrider_process(facing(upstream.url))


@pytest.mark.timeout(180)
@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed")
async def test_every_operation_does_what_the_document_says(running, tmp_path: Path, scale) -> None:
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{running.admin_url}/api/openapi.json",
        "--exclude-path-regex", f"{_ENDLESS}|{_ENDING}", "--max-examples", str(scale(5, 200)), "--no-color",
        "--exclude-checks", _NOT_OURS, "--generation-deterministic", "--phases", "examples,coverage,fuzzing",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-6000:]


async def test_the_document_has_every_path_of_the_plane(running) -> None:
    document = await Admin(running.admin_port).get("/api/openapi.json")
    assert document["openapi"].startswith("3.1")
    wanted = {"/livez", "/readyz", "/startupz", "/metrics", "/api/state", "/api/config", "/api/profiles", "/api/events",
              "/api/requests", "/api/requests/{id}", "/api/requests/{id}/events", "/api/log-level",
              "/api/profiles/{name}/refresh", "/api/profiles/{name}/terminate", "/api/profiles/{name}/session",
              "/api/openapi.json"}  # fmt: skip
    assert wanted <= document["paths"].keys()
