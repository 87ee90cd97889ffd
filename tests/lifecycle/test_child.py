import asyncio
import os
import signal
import sys

import pytest

from proxy.lifecycle.child import CannotRun, child_environment, run_child, url_variables
from tests.config.loading import config

BASE = "http://127.0.0.1:4711"


def test_each_upstream_has_a_variable_with_its_prefix() -> None:
    text = "upstreams: {my-api.v1: {url: http://h, match: {prefix: /api}}, rest: {url: http://h}}\n"
    assert url_variables(config(text), BASE) == {
        "OUTRIDER_URL": BASE,
        "OUTRIDER_URL_MY_API_V1": f"{BASE}/api",
        "OUTRIDER_URL_REST": BASE,
    }


def test_an_upstream_that_is_met_by_host_is_called_by_its_name() -> None:
    text = "upstreams: {a: {url: http://h, match: {host: user.localhost, prefix: /x}}}\n"
    assert url_variables(config(text), BASE)["OUTRIDER_URL_A"] == "http://user.localhost:4711/x"


def test_two_upstreams_with_one_variable_are_an_error_that_names_both() -> None:
    text = "upstreams: {a-b: {url: http://h}, a.b: {url: http://h, match: {prefix: /x}}}\n"
    with pytest.raises(ValueError, match=r"a-b and a\.b would both be OUTRIDER_URL_A_B"):
        url_variables(config(text), BASE)


def test_the_command_does_not_find_the_secrets_in_its_environment() -> None:
    text = (
        "auth:\n  key: {type: bearer, token: {env: API_TOKEN}}\n"
        "  many: {type: headers, secrets: {one: {env: DEEP}}, set: {X-One: '{{ one }}'}}\n"
        "upstreams: {a: {url: http://h, auth: key}, b: {url: http://h, auth: many, match: {prefix: /b}}}\n"
    )
    environ = {"API_TOKEN": "canary", "DEEP": "canary", "PATH": "/bin"}
    assert child_environment(config(text), environ, {"OUTRIDER_URL": BASE}) == {"PATH": "/bin", "OUTRIDER_URL": BASE}


@pytest.mark.parametrize(("code", "status"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)])
async def test_the_status_is_the_commands(code: str, status: int) -> None:
    assert await run_child([sys.executable, "-c", code], os.environ) == status


async def test_a_command_that_is_not_there_is_127_and_one_that_cannot_run_126(tmp_path) -> None:
    with pytest.raises(CannotRun, match="no-such-command: command not found") as missing:
        await run_child(["no-such-command"], os.environ)
    assert missing.value.status == 127
    with pytest.raises(CannotRun, match="permission denied") as forbidden:
        await run_child([str(tmp_path)], os.environ)
    assert forbidden.value.status == 126
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o700)
    with pytest.raises(CannotRun, match="script: the interpreter that it names is not found") as lost:
        await run_child([str(script)], os.environ)
    assert lost.value.status == 126


async def test_signals_are_passed_on(tmp_path) -> None:
    ready = tmp_path / "ready"
    script = f"trap 'exit 42' TERM; : > {ready}; while :; do sleep 0.05; done"
    running = asyncio.create_task(run_child(["sh", "-c", script], os.environ))
    async with asyncio.timeout(10):
        while not ready.exists():
            await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(10):
        assert await running == 42
