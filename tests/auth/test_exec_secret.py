import asyncio
from pathlib import Path

import pytest

from proxy.auth import SecretUnavailable
from proxy.auth.command import Command
from proxy.auth.exec_secret import ExecReader
from tests.auth.tools import FakeClock, counted, runs_of


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def reader_of(runs: Path, code: str, clock: FakeClock, ttl: float = 0.0) -> ExecReader:
    return ExecReader(Command(counted(runs, code), runs.parent, {}, 20), ttl, clock)


async def test_before_the_first_run_the_value_must_be_awaited(runs: Path, clock: FakeClock) -> None:
    assert reader_of(runs, "print(n)", clock).peek(clock()) is None
    assert runs_of(runs) == 0


async def test_without_ttl_it_runs_once(runs: Path, clock: FakeClock) -> None:
    reader = reader_of(runs, "print(n)", clock)
    await reader.read()
    clock.now += 1e9
    assert ((await reader.read()).reveal(), runs_of(runs)) == ("1", 1)


async def test_past_its_ttl_the_output_is_not_used_and_a_new_run_is_awaited(runs: Path, clock: FakeClock) -> None:
    reader = reader_of(runs, "print(n)", clock, ttl=60)
    await reader.read()
    clock.now += 59.9
    assert reader.peek(clock()) is not None
    clock.now += 0.1
    assert reader.peek(clock()) is None
    assert ((await reader.read()).reveal(), reader.version) == ("2", 2)


async def test_the_same_output_again_is_the_same_version(runs: Path, clock: FakeClock) -> None:
    reader = reader_of(runs, "print('same')", clock, ttl=60)
    await reader.read()
    clock.now += 60
    await reader.read()
    assert (reader.version, runs_of(runs)) == (1, 2)


async def test_readers_at_once_share_one_run(runs: Path, clock: FakeClock) -> None:
    reader = reader_of(runs, "print(n)", clock)
    values = await asyncio.gather(*(reader.read() for _ in range(20)))
    assert ({value.reveal() for value in values}, runs_of(runs)) == ({"1"}, 1)


async def test_a_cancelled_reader_leaves_the_run_to_the_others(runs: Path, clock: FakeClock) -> None:
    reader = reader_of(runs, "print(n)", clock)
    leaving, staying = asyncio.create_task(reader.read()), asyncio.create_task(reader.read())
    await asyncio.sleep(0)
    leaving.cancel()
    assert ((await staying).reveal(), leaving.cancelled(), runs_of(runs)) == ("1", True, 1)


async def test_after_a_failure_readers_are_refused_without_a_run_until_the_pause_is_over(
    runs: Path, clock: FakeClock
) -> None:
    reader = reader_of(runs, "sys.exit(1) if n == 1 else print(n)", clock)
    for _ in range(3):
        with pytest.raises(SecretUnavailable) as caught:
            await reader.read()
        assert caught.value.retry_after == 1
    assert runs_of(runs) == 1
    clock.now += 1
    assert ((await reader.read()).reveal(), reader.problem) == ("2", None)


async def test_past_the_ttl_a_failing_command_leaves_no_value(runs: Path, clock: FakeClock) -> None:
    reader = reader_of(runs, "print(n) if n == 1 else sys.exit('no')", clock, ttl=60)
    await reader.read()
    clock.now += 60
    with pytest.raises(SecretUnavailable):
        await reader.read()
    assert reader.peek(clock()) is None


async def test_output_that_is_no_secret_is_a_failure(runs: Path, clock: FakeClock) -> None:
    with pytest.raises(SecretUnavailable, match="is empty"):
        await reader_of(runs, "pass", clock).read()


async def test_closing_refuses_those_who_wait(runs: Path, clock: FakeClock) -> None:
    reader = reader_of(runs, "time.sleep(60)", clock)
    waiting = asyncio.create_task(reader.read())
    await asyncio.sleep(0)
    await reader.close()
    with pytest.raises(SecretUnavailable, match="being closed"):
        await waiting
