import errno
import os
from pathlib import Path

import pytest

from proxy.auth import SecretUnavailable
from proxy.auth.file_secret import LOOK_EVERY, FileReader
from tests.auth.tools import FakeClock, write_secret


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_secret(tmp_path / "token", "one\n")


def value(reader: FileReader, clock: FakeClock) -> str | None:
    held = reader.peek(clock())
    return held.reveal() if held else None


def test_a_rename_into_place_is_noticed_at_the_next_look(path: Path, clock: FakeClock) -> None:
    reader = FileReader(path, clock)
    assert value(reader, clock) == "one"
    write_secret(path, "two\n")
    clock.now += LOOK_EVERY
    assert (value(reader, clock), reader.version) == ("two", 2)


def test_between_two_looks_the_file_is_not_touched(path: Path, clock: FakeClock) -> None:
    reader = FileReader(path, clock)
    value(reader, clock)
    write_secret(path, "two\n")
    clock.now += LOOK_EVERY * 0.99
    assert value(reader, clock) == "one"


def test_a_rewrite_in_place_is_noticed(path: Path, clock: FakeClock) -> None:
    reader = FileReader(path, clock)
    value(reader, clock)
    path.write_text("another\n")
    clock.now += LOOK_EVERY
    assert value(reader, clock) == "another"


def test_a_rewrite_with_the_same_text_is_the_same_version(path: Path, clock: FakeClock) -> None:
    reader = FileReader(path, clock)
    held = reader.peek(clock())
    write_secret(path, "one\n")
    clock.now += LOOK_EVERY
    assert reader.peek(clock()) is held
    assert reader.version == 1


def test_rotation_while_peeking_never_shows_anything_but_a_whole_value(path: Path, clock: FakeClock) -> None:
    reader = FileReader(path, clock)
    for turn in range(100):
        write_secret(path, f"value-{turn}")
        clock.now += LOOK_EVERY
        assert value(reader, clock) == f"value-{turn}"
    assert reader.version == 100


def test_a_file_that_vanishes_keeps_the_last_good_value_and_says_so(path: Path, clock: FakeClock) -> None:
    reader = FileReader(path, clock)
    value(reader, clock)
    path.unlink()
    clock.now += LOOK_EVERY
    assert value(reader, clock) == "one"
    assert str(path) in (reader.problem or "")


def test_a_file_that_becomes_empty_keeps_the_last_good_value_and_says_so(path: Path, clock: FakeClock) -> None:
    reader = FileReader(path, clock)
    value(reader, clock)
    path.write_text("")
    clock.now += LOOK_EVERY
    assert value(reader, clock) == "one"
    assert "is empty" in (reader.problem or "")


def test_a_file_that_others_may_read_from_now_on_is_a_problem(path: Path, clock: FakeClock) -> None:
    reader = FileReader(path, clock)
    value(reader, clock)
    path.chmod(0o644)
    clock.now += LOOK_EVERY
    assert value(reader, clock) == "one"
    assert "mode 0644" in (reader.problem or "")


def test_a_file_that_comes_back_unchanged_is_no_problem_any_more(path: Path, clock: FakeClock) -> None:
    reader = FileReader(path, clock)
    value(reader, clock)
    away = path.rename(path.with_name("away"))
    clock.now += LOOK_EVERY
    value(reader, clock)
    away.rename(path)
    clock.now += LOOK_EVERY
    assert (value(reader, clock), reader.problem, reader.version) == ("one", None, 1)


async def test_a_file_that_appears_late_is_read(tmp_path: Path, clock: FakeClock) -> None:
    reader = FileReader(tmp_path / "late", clock)
    with pytest.raises(SecretUnavailable, match="No such file"):
        await reader.read()
    write_secret(tmp_path / "late", "here")
    clock.now += LOOK_EVERY
    assert (await reader.read()).reveal() == "here"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o444])
async def test_a_file_that_group_or_others_can_read_is_refused(path: Path, clock: FakeClock, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(SecretUnavailable, match=rf"mode {mode:04o}\).*chmod 600.*insecure: true"):
        await FileReader(path, clock).read()


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_for_its_owner_alone_is_accepted(path: Path, clock: FakeClock, mode: int) -> None:
    path.chmod(mode)
    assert value(FileReader(path, clock), clock) == "one"


async def test_a_file_that_may_not_be_read_is_told_with_who_may_not(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "stat", denied)
    with pytest.raises(SecretUnavailable, match=f"cannot be read: Permission denied for user {os.geteuid()}$"):
        await FileReader(path, clock).read()


async def test_a_symbolic_link_is_refused(path: Path, clock: FakeClock) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    with pytest.raises(SecretUnavailable, match=r"is a symbolic link.*insecure: true"):
        await FileReader(link, clock).read()


def test_insecure_accepts_links_and_modes_and_follows_the_link_when_it_moves(path: Path, clock: FakeClock) -> None:
    path.chmod(0o644)
    link = path.with_name("link")
    link.symlink_to(path)
    reader = FileReader(link, clock, lenient=True)
    assert value(reader, clock) == "one"
    other = write_secret(path.with_name("other"), "two")
    beside = path.with_name("beside")
    beside.symlink_to(other)
    beside.rename(link)
    clock.now += LOOK_EVERY
    assert value(reader, clock) == "two"


@pytest.mark.parametrize("lenient", [False, True])
async def test_a_pipe_in_the_files_place_does_not_block(tmp_path: Path, clock: FakeClock, lenient: bool) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(SecretUnavailable, match="not a regular file"):
        await FileReader(tmp_path / "pipe", clock, lenient=lenient).read()


async def test_a_folder_is_not_a_secret(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(SecretUnavailable, match="not a regular file"):
        await FileReader(tmp_path, clock).read()


async def test_a_path_that_no_file_can_have_is_an_error_like_others(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(SecretUnavailable, match="not a path"):
        await FileReader(tmp_path / "a\0b", clock).read()


async def test_a_file_that_is_too_long_is_refused(path: Path, clock: FakeClock) -> None:
    write_secret(path, "x" * 1_000_000)
    with pytest.raises(SecretUnavailable, match="longer than"):
        await FileReader(path, clock).read()
