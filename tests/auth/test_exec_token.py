import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.auth import CredentialSource
from proxy.errors import CredentialUnavailable
from tests.auth.tools import FakeClock, counted, python, runs_of, source


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def source_of(runs: Path, code: str, clock: FakeClock, ttl: str = "1000s", **more: str) -> CredentialSource:
    """With a ttl of 1000 s a token is renewed from its 900th second on."""
    return source(runs.parent, clock, type="exec", command=counted(runs, code), ttl=ttl, timeout="20s", **more)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def test_the_token_is_sent_in_its_field_after_its_scheme(runs: Path, clock: FakeClock) -> None:
    source = source_of(runs, "print('abc')", clock, header="X_Auth", scheme="Token")
    assert (await source.current()).lines == b"X_Auth: Token abc\r\n"
    assert source.strip == {b"x-auth"}


async def test_before_the_first_run_the_token_must_be_awaited(runs: Path, clock: FakeClock) -> None:
    assert source_of(runs, "print(n)", clock).peek(clock()) is None
    assert runs_of(runs) == 0


async def test_until_renewal_is_due_nothing_runs(runs: Path, clock: FakeClock) -> None:
    source = source_of(runs, "print(n)", clock)
    held = await source.current()
    clock.now += 899
    assert source.peek(clock()) is held
    assert await source.current() is held
    assert runs_of(runs) == 1


async def test_a_due_renewal_runs_once_behind_the_valid_token(runs: Path, clock: FakeClock) -> None:
    source = source_of(runs, "print(n)", clock)
    held = await source.current()
    clock.now += 901
    assert [source.peek(clock()) for _ in range(10)] == [held] * 10
    await until(lambda: source.peek(clock()) is not held)
    assert (await source.current()).lines == b"Authorization: Bearer 2\r\n"
    assert runs_of(runs) == 2


async def test_a_run_that_brings_the_same_token_keeps_the_same_object(runs: Path, clock: FakeClock) -> None:
    source = source_of(runs, "print('same')", clock)
    held = await source.current()
    clock.now += 1000
    assert source.peek(clock()) is None
    assert await source.current() is held
    assert (source.peek(clock()), runs_of(runs)) == (held, 2)


async def test_a_failed_renewal_keeps_the_valid_token_and_says_so(runs: Path, clock: FakeClock) -> None:
    source = source_of(runs, "print(n) if n == 1 else sys.exit(5)", clock)
    held = await source.current()
    clock.now += 901
    source.peek(clock())
    await until(lambda: source.problem is not None)
    assert source.peek(clock()) is held
    assert "exited with 5" in (source.problem or "")
    assert asyncio.all_tasks() == {asyncio.current_task()}, "a run was begun before the pause was over"


async def test_a_failed_renewal_is_tried_again_after_the_pause(runs: Path, clock: FakeClock) -> None:
    source = source_of(runs, "sys.exit(5) if n == 2 else print(n)", clock)
    await source.current()
    clock.now += 901
    source.peek(clock())
    await until(lambda: source.problem is not None)
    clock.now += 1
    source.peek(clock())
    await until(lambda: source.problem is None)
    assert (await source.current()).lines == b"Authorization: Bearer 3\r\n"
    assert source.problem is None


async def test_an_expired_token_is_not_handed_out(runs: Path, clock: FakeClock) -> None:
    source = source_of(runs, "print(n)", clock)
    await source.current()
    clock.now += 1000
    assert source.peek(clock()) is None
    assert (await source.current()).lines == b"Authorization: Bearer 2\r\n"


async def test_expired_and_failing_is_credential_unavailable_with_a_growing_pause(runs: Path, clock: FakeClock) -> None:
    source = source_of(runs, "print(n) if n == 1 else sys.exit('private words')", clock)
    await source.current()
    clock.now += 1000
    for pause in (1, 2, 4):
        with pytest.raises(CredentialUnavailable, match="exited with 1") as caught:
            await source.current()
        assert caught.value.retry_after == pause
        clock.now += pause
    assert "private words" not in caught.value.detail
    assert "private words" in (source.problem or "")


async def test_during_the_pause_callers_are_answered_without_a_run(runs: Path, clock: FakeClock) -> None:
    source = source_of(runs, "sys.exit(1)", clock)
    for left in (1.0, 0.75):
        with pytest.raises(CredentialUnavailable) as caught:
            await source.current()
        assert caught.value.retry_after == left
        clock.now += 0.25
    assert runs_of(runs) == 1


async def test_a_hundred_callers_with_no_token_share_one_run(runs: Path, clock: FakeClock) -> None:
    source = source_of(runs, "print(n)", clock)
    answers = await asyncio.gather(*(source.current() for _ in range(100)))
    assert (len({id(answer) for answer in answers}), runs_of(runs)) == (1, 1)


async def test_a_cancelled_caller_leaves_the_run_to_the_others(runs: Path, clock: FakeClock) -> None:
    source = source_of(runs, "print(n)", clock)
    leaving, staying = asyncio.create_task(source.current()), asyncio.create_task(source.current())
    await asyncio.sleep(0)
    leaving.cancel()
    assert ((await staying).lines, leaving.cancelled()) == (b"Authorization: Bearer 1\r\n", True)


async def test_the_documents_expiry_is_measured_on_wall_time_and_kept_on_the_monotonic_clock(
    runs: Path, clock: FakeClock
) -> None:
    body = '{"kind": "ExecCredential", "status": {"token": "t", "expirationTimestamp": "1970-01-01T00:01:00Z"}}'
    source = source_of(runs, f"print({body!r})", clock)
    held = await source.current()
    clock.now += 47
    assert source.peek(clock()) is held
    assert runs_of(runs) == 1
    clock.now += 13
    assert source.peek(clock()) is None


async def test_a_token_that_a_field_cannot_carry_is_refused(runs: Path, clock: FakeClock) -> None:
    with pytest.raises(CredentialUnavailable, match="control character"):
        await source_of(runs, "print('a\\x1bb')", clock).current()


async def test_closing_ends_the_run_and_refuses_those_who_wait(runs: Path, clock: FakeClock) -> None:
    source = source_of(runs, "time.sleep(60)", clock)
    waiting = asyncio.create_task(source.current())
    await asyncio.sleep(0)
    await source.close()
    with pytest.raises(CredentialUnavailable, match="being closed"):
        await waiting


async def test_the_command_gets_the_environment_and_what_the_profile_adds(tmp_path: Path, clock: FakeClock) -> None:
    command = python("import os; print(os.environ['OUTER'] + os.environ['INNER'])")
    environ = {"OUTER": "a", "INNER": "x"}
    held = source(tmp_path, clock, environ, type="exec", command=command, env={"INNER": "b"})
    assert (await held.current()).lines == b"Authorization: Bearer ab\r\n"
