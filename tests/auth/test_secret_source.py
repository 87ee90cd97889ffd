from collections.abc import Sequence
from pathlib import Path

import pytest

from proxy.auth import PreparedInjection
from proxy.auth.file_secret import LOOK_EVERY, FileReader
from proxy.auth.fixed_secret import literal_reader
from proxy.auth.secret_source import SecretSource
from proxy.errors import CredentialUnavailable
from proxy.secret import Secret
from tests.auth.tools import FakeClock, counted, runs_of, source, write_secret


class Preparing:
    """Counts how often the bytes are prepared."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, values: Sequence[Secret]) -> PreparedInjection:
        self.times += 1
        return PreparedInjection(lines=b"-".join(value.reveal().encode() for value in values))


def test_the_bytes_are_prepared_only_when_a_secret_became_another(tmp_path: Path, clock: FakeClock) -> None:
    path, prepare = write_secret(tmp_path / "f", "one"), Preparing()
    held = SecretSource([literal_reader(Secret("x")), FileReader(path, clock)], prepare, clock)
    for _ in range(10):
        clock.now += LOOK_EVERY
        assert held.peek(clock()) == PreparedInjection(lines=b"x-one")
    assert prepare.times == 1
    write_secret(path, "two")
    clock.now += LOOK_EVERY
    assert held.peek(clock()) == PreparedInjection(lines=b"x-two")
    assert prepare.times == 2


def test_without_secrets_the_bytes_are_prepared_once(clock: FakeClock) -> None:
    prepare = Preparing()
    held = SecretSource([], prepare, clock)
    first = held.peek(clock())
    clock.now += 1e9
    assert held.peek(clock()) is first
    assert prepare.times == 1


async def test_a_secret_that_rotates_into_one_that_cannot_be_sent_is_refused(tmp_path: Path, clock: FakeClock) -> None:
    path = write_secret(tmp_path / "user", "ann")
    held = source(tmp_path, clock, type="basic", username={"file": "user"}, password="s3cret")
    await held.start()
    write_secret(path, "a:b")
    clock.now += LOOK_EVERY
    assert held.peek(clock()) is None
    with pytest.raises(CredentialUnavailable, match="colon"):
        await held.current()
    write_secret(path, "bob")
    clock.now += LOOK_EVERY
    assert held.peek(clock()) is not None
    assert held.problem is None


async def test_a_vanished_file_keeps_the_credential_and_is_a_problem(tmp_path: Path, clock: FakeClock) -> None:
    path = write_secret(tmp_path / "f", "one")
    held = source(tmp_path, clock, type="bearer", token={"file": "f"})
    first = await held.current()
    path.unlink()
    clock.now += LOOK_EVERY
    assert held.peek(clock()) is first
    assert "No such file" in (held.problem or "")


async def test_a_refused_secret_is_read_again_and_the_same_one_is_no_other(tmp_path: Path, clock: FakeClock) -> None:
    path = write_secret(tmp_path / "token", "one")
    followed = source(tmp_path, clock, type="bearer", token={"file": str(path)})
    held = await followed.current()
    assert await followed.refresh(held) is None
    clock.now += 1
    write_secret(path, "two")
    fresh = await followed.refresh(held)
    assert fresh is not None
    assert fresh.lines == b"Authorization: Bearer two\r\n"


async def test_refusals_of_an_unchanged_secret_do_not_become_a_storm_of_commands(
    tmp_path: Path, clock: FakeClock
) -> None:
    runs = tmp_path / "runs"
    followed = source(tmp_path, clock, type="bearer", token={"exec": counted(runs, "print('same')")})
    held = await followed.current()
    for _ in range(10):
        if followed.may_refresh(held):
            assert await followed.refresh(held) is None
    assert runs_of(runs) == 2
    clock.now += 1
    assert followed.may_refresh(held)


async def test_a_secret_that_cannot_change_is_not_sought_again(tmp_path: Path, clock: FakeClock) -> None:
    fixed = source(tmp_path, clock, type="bearer", token="literal")
    held = await fixed.current()
    assert not fixed.may_refresh(held)
    assert (fixed.unusable, await fixed.refresh(held)) == (None, None)
